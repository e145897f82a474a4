// SPDX-License-Identifier: GPL-2.0
//! IPv6 of a device: its addresses.

use super::{bindings, net_device::NetDevice};
use core::ptr::{self, NonNull};
use kernel::sync::rcu::Guard;

/// An address in network order.
pub(crate) type Ipv6 = [u8; 16];

/// An address that is configured on a device, while an RCU guard is held.
///
/// # Invariants
///
/// The pointer is valid while the guard is held that it was found under.
#[derive(Clone, Copy)]
pub(crate) struct Address<'a> {
    ifp: NonNull<bindings::inet6_ifaddr>,
    _guard: &'a Guard,
}

impl Address<'_> {
    pub(crate) fn address(&self) -> Ipv6 {
        // SAFETY: Valid by the type's invariant; the address never changes.
        unsafe { (*self.ifp.as_ptr()).addr.in6_u.u6_addr8 }
    }

    pub(crate) fn prefix_len(&self) -> u8 {
        // SAFETY: Valid by the type's invariant; a word that others may write.
        let len = unsafe { (&raw const (*self.ifp.as_ptr()).prefix_len).read_volatile() };
        u8::try_from(len).unwrap_or(128).min(128)
    }

    /// The metric that the route to its prefix was asked for with; 0: none was.
    pub(crate) fn metric(&self) -> u32 {
        // SAFETY: Valid by the type's invariant; a word that others may write.
        unsafe { (&raw const (*self.ifp.as_ptr()).rt_priority).read_volatile() }
    }

    fn flags(&self) -> u32 {
        // SAFETY: Valid by the type's invariant; a word that others may write.
        unsafe { (&raw const (*self.ifp.as_ptr()).flags).read_volatile() }
    }

    /// Its prefix is to have a route by the device.
    pub(crate) fn wants_prefix_route(&self) -> bool {
        self.flags() & bindings::IFA_F_NOPREFIXROUTE == 0
    }

    /// The route that the kernel has made for it is in the table.
    pub(crate) fn is_routed(&self) -> bool {
        // SAFETY: Valid by the type's invariant.
        unsafe { bindings::carp_inet6_is_routed(self.ifp.as_ptr()) }
    }

    /// This host may send from it: nothing says that somebody else has it.
    pub(crate) fn is_usable(&self) -> bool {
        self.flags() & bindings::IFA_F_TENTATIVE == 0
    }

    /// Says whether this host may send from it. What nobody may send from is shown as an address
    /// that another host has been found to have. Any context but hard interrupts.
    pub(crate) fn set_usable(&self, usable: bool) {
        if self.is_usable() != usable {
            // SAFETY: Valid by the type's invariant.
            unsafe { bindings::carp_inet6_set_usable(self.ifp.as_ptr(), usable) }
        }
    }
}

/// The addresses configured on `device`, while the guard is held. Any context.
pub(crate) fn addresses_rcu<'a>(
    guard: &'a Guard,
    device: &NetDevice,
) -> impl Iterator<Item = Address<'a>> {
    // SAFETY: The device is alive, the guard is held.
    let idev = unsafe { bindings::carp_in6_dev_rcu(device.as_ptr()) };
    let mut last = ptr::null_mut();
    core::iter::from_fn(move || {
        if idev.is_null() {
            return None;
        }
        // SAFETY: The guard, held for `'a`, keeps the list and what was found on it.
        last = unsafe { bindings::carp_inet6_next_rcu(idev, last) };
        // INVARIANT: Found under the guard, which keeps it.
        NonNull::new(last).map(|ifp| Address { ifp, _guard: guard })
    })
}
