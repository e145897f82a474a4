// SPDX-License-Identifier: GPL-2.0
//! The tracepoints of `trace.h`. Any context.

use super::{bindings, net_device::NetDevice};
use kernel::prelude::*;

/// An operation on a group, as it is shown.
#[derive(Clone, Copy)]
pub(crate) struct Operation {
    pub(crate) kind: &'static CStr,
    pub(crate) origin: &'static CStr,
    /// 0: the parent as a whole.
    pub(crate) vhid: u8,
    /// From its submission to its start.
    pub(crate) queued_ns: u64,
}

impl Operation {
    fn on(self, group: &NetDevice) -> bindings::carp_op {
        bindings::carp_op {
            group: group.as_ptr(),
            kind: self.kind.as_char_ptr(),
            origin: self.origin.as_char_ptr(),
            queued_ns: self.queued_ns,
            vhid: self.vhid,
        }
    }
}

pub(crate) fn op_start(group: &NetDevice, op: Operation) {
    // SAFETY: The device is alive, the strings are static; here and in those that follow.
    unsafe { bindings::carp_trace_op_start(&op.on(group)) }
}

pub(crate) fn op_fold(group: &NetDevice, op: Operation) {
    // SAFETY: As above.
    unsafe { bindings::carp_trace_op_fold(&op.on(group)) }
}

pub(crate) fn op_park(group: &NetDevice, op: Operation) {
    // SAFETY: As above.
    unsafe { bindings::carp_trace_op_park(&op.on(group)) }
}

pub(crate) fn op_resume(group: &NetDevice, op: Operation) {
    // SAFETY: As above.
    unsafe { bindings::carp_trace_op_resume(&op.on(group)) }
}

pub(crate) fn op_finish(group: &NetDevice, op: Operation) {
    // SAFETY: As above.
    unsafe { bindings::carp_trace_op_finish(&op.on(group)) }
}

/// A snapshot of `vhosts` virtual hosts was published.
pub(crate) fn carp_if_swap(parent: &NetDevice, generation: u64, vhosts: usize) {
    // SAFETY: The device is alive.
    unsafe { bindings::carp_trace_if_swap(parent.as_ptr(), generation, vhosts) }
}

/// This many snapshots were freed.
pub(crate) fn carp_if_free(parent: &NetDevice, snapshots: usize) {
    // SAFETY: The device is alive.
    unsafe { bindings::carp_trace_if_free(parent.as_ptr(), snapshots) }
}

/// The parent's new address was taken over.
pub(crate) fn parent_address(parent: &NetDevice) {
    // SAFETY: The device is alive.
    unsafe { bindings::carp_trace_parent_address(parent.as_ptr()) }
}

/// A virtual host's state changed; the numbers are those of `uapi/if_carp.h`.
pub(crate) fn carp_state(device: &NetDevice, from: u8, to: u8, reason: u8) {
    // SAFETY: The device is alive.
    unsafe { bindings::carp_trace_state(device.as_ptr(), from, to, reason) }
}
