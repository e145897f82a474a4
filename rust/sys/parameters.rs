// SPDX-License-Identifier: GPL-2.0
//! The module's parameters, and whether they bind the caller.
//!
//! They are defined in C: those of the `kernel` crate are not in sysfs.
//!
//! Context: any; for the caller, process.

use super::bindings;
use kernel::ffi::c_int;

/// How many devices of the module's kind a network namespace may have.
pub(crate) fn user_devices_max() -> u32 {
    // SAFETY: Always safe to call.
    unsafe { bindings::carp_user_devices_max() }
}

/// The shortest interval that may be asked for.
pub(crate) fn user_interval_min_ms() -> u32 {
    // SAFETY: Always safe to call.
    unsafe { bindings::carp_user_interval_min_ms() }
}

/// The caller has `CAP_NET_ADMIN` in the initial user namespace. What it has in another user
/// namespace does not count. A lack of it is not audited.
pub(crate) fn caller_is_unlimited() -> bool {
    const ADMIN: c_int = kernel::bindings::CAP_NET_ADMIN as c_int;
    // SAFETY: Always safe to call. A request comes in the context of its sender.
    unsafe { kernel::bindings::capable_noaudit(ADMIN) }
}
