// SPDX-License-Identifier: GPL-2.0

//! The end of a command line with a fault in it.

use core::ffi::CStr;

use crate::ip::command::complain;

/// The fault has been printed.
pub struct Refused;

/// Prints `fault`.
pub fn refuse<T>(fault: &CStr) -> Result<T, Refused> {
    complain(fault);
    Err(Refused)
}
