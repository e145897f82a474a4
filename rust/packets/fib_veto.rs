// SPDX-License-Identifier: GPL-2.0
//! A veto in the FIB: an address is configured on every host, and local only on the one that owns
//! it.
//!
//! Linux takes an address for its own because of a route of type local. It makes that route when
//! the address is configured, and again whenever the device goes up. The veto admits routes of type
//! local or broadcast, and the kernel's routes to prefixes, only while their device owns its
//! addresses. [`routes`](crate::address::routes) adds and deletes these routes when that changes.
//! The veto admits every other route of the administrator, and the link-local route of the device,
//! which only sockets bound to the device use.
//!
//! Context: softirqs off or on, any locks of the tables held.

use crate::{
    group::carp_device::CarpDevice,
    sys::{
        fib::{self, Candidate},
        link,
    },
};

pub(crate) struct FibVeto;

impl fib::Veto for FibVeto {
    fn admits(candidate: &Candidate<'_>) -> bool {
        let Some(carp) = link::of::<CarpDevice>(candidate.device) else {
            return true;
        };
        let is_prefix = candidate.is_kernels && !candidate.is_of_link;
        let admits = carp.owns_addresses() || !(candidate.is_local || is_prefix);
        if !admits {
            // The kernel also makes these routes when it finds, after its notifiers have run, that
            // an IPv6 address may be used. So the address has to be marked again as not to be used.
            carp.ownership().follow();
        }
        admits
    }
}
