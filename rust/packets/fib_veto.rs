// SPDX-License-Identifier: GPL-2.0
//! What makes an address work on one host only: it is local while the host owns it, and a
//! stranger's otherwise, though it is configured all the time.
//!
//! Linux takes an address for its own because of a route of type local, which it makes when the
//! address is configured, and again whenever the device goes up. The gate lets such routes in only
//! while their device owns its addresses; [`routes`](crate::address::routes) adds and deletes them
//! when that changes. The administrator's own routes by the device come and go as he likes; and to
//! link-local neighbours there always is a way by the device, for who asks for this device.
//!
//! Context: softirqs off or on, any locks of the tables held.

use crate::{
    group::carp_device::CarpDevice,
    sys::{
        fib::{self, Candidate},
        link,
    },
};

pub(crate) struct Gate;

impl fib::Gate for Gate {
    fn admits(candidate: &Candidate<'_>) -> bool {
        let Some(carp) = link::of::<CarpDevice>(candidate.device) else {
            return true;
        };
        let is_prefix = candidate.is_kernels && !candidate.is_of_link;
        let admits = carp.owns_addresses() || !(candidate.is_local || is_prefix);
        if !admits {
            // The kernel makes these routes when it has found, later than anybody is told of it,
            // that an IPv6 address may be used: the mark that it may not has to be set again.
            carp.ownership().follow();
        }
        admits
    }
}
