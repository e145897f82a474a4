// SPDX-License-Identifier: GPL-2.0
//! The kernel log. No other file of the module prints to it.
//!
//! A line names its device. Any user's namespace may have devices, so names are escaped, and lines
//! are rate-limited. All namespaces but the initial one share a limit of their own. So none of them
//! can silence the host's devices.
//!
//! Context: any.

use super::{bindings, net_device::NetDevice};
use kernel::{fmt, prelude::*, sync::rcu::Guard};

/// Something that an administrator may want to look at. `what` is a sentence without its end.
pub(crate) fn notice(device: &NetDevice, what: fmt::Arguments<'_>) {
    if is_due(device) {
        pr_notice!("{}: {}\n", device.label(), what);
    }
}

/// Something that does not work, and should.
pub(crate) fn warn(device: &NetDevice, what: fmt::Arguments<'_>) {
    if is_due(device) {
        pr_warn!("{}: {}\n", device.label(), what);
    }
}

fn is_due(device: &NetDevice) -> bool {
    let namespace = device.namespace_rcu(&Guard::new()).number_unless_initial();
    let initial = namespace.is_none();
    // SAFETY: Always safe to call.
    unsafe { bindings::carp_log_is_due(initial) }
}
