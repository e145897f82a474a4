// SPDX-License-Identifier: GPL-2.0

//! The process that the plugin runs in: what `ip` and libc offer it, behind safe functions. All
//! `unsafe` of the plugin but its entry points is here.

mod abi;
pub mod command;
pub mod message;
pub mod output;

pub use abi::{Attribute, LinkUtil, MessageHeader, Stream};

pub fn abort() -> ! {
    // SAFETY: The function takes nothing, and ends the process.
    unsafe { abi::c_abort() }
}
