// SPDX-License-Identifier: GPL-2.0
//! IPv6 of a device: its addresses and its groups.

use super::{
    bindings,
    collect::collect,
    net_device::{NetDevice, Rtnl},
};
use core::ptr::{self, NonNull};
use kernel::{alloc::KVec, error::to_result, prelude::*, sync::rcu::Guard};

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

    /// The peer on a point-to-point link; all zeros if there is none. It may change meanwhile: then
    /// the notifier is called.
    pub(crate) fn peer(&self) -> Ipv6 {
        // SAFETY: Valid by the type's invariant; whatever is read there is an address.
        unsafe { (&raw const (*self.ifp.as_ptr()).peer_addr.in6_u.u6_addr8).read_volatile() }
    }

    pub(crate) fn prefix_len(&self) -> u8 {
        // SAFETY: Valid by the type's invariant; a word that others may write.
        let len = unsafe { (&raw const (*self.ifp.as_ptr()).prefix_len).read_volatile() };
        u8::try_from(len).unwrap_or(128).min(128)
    }

    /// The metric that was requested for the route to its prefix; 0: none was.
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

    /// This host may send from it: it is not tentative, or it is optimistic, so that the host need
    /// not wait for DAD.
    pub(crate) fn is_usable(&self) -> bool {
        let flags = self.flags();
        flags & bindings::IFA_F_TENTATIVE == 0 || flags & bindings::IFA_F_OPTIMISTIC != 0
    }

    /// Sets whether this host may send from it. If not, it is marked as a duplicate address
    /// (`dadfailed tentative`). Any context but hard interrupts.
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

/// The addresses configured on `device`. Context: RTNL; allocates.
pub(crate) fn addresses(_rtnl: &Rtnl<'_>, device: &NetDevice) -> Result<KVec<Ipv6>> {
    collect(|guard, found| {
        addresses_rcu(guard, device).for_each(|address| found(address.address()));
    })
}

/// The kernel has IPv6. With `ipv6.disable=1` no device has it, and no address must be looked up:
/// there is no table.
fn is_enabled() -> bool {
    // SAFETY: Always safe to call.
    unsafe { bindings::carp_ipv6_mod_enabled() }
}

fn in6_addr(address: &Ipv6) -> bindings::in6_addr {
    let mut raw = bindings::in6_addr::default();
    raw.in6_u.u6_addr8 = *address;
    raw
}

/// `address` is local in the L3 domain of `near`, by a route of another device than `carp` or by
/// the administrator's. Any context.
pub(crate) fn is_local_but_for(
    _guard: &Guard,
    near: &NetDevice,
    carp: &NetDevice,
    address: Ipv6,
) -> bool {
    let (near, carp, address) = (near.as_ptr(), carp.as_ptr(), in6_addr(&address));
    // SAFETY: Both devices are alive, and with them their namespace; the guard is held.
    is_enabled() && unsafe { bindings::carp_inet6_is_local_but_for(near, carp, &address) }
}

/// `device` has IPv6.
pub(crate) fn is_there(_rtnl: &Rtnl<'_>, device: &NetDevice) -> bool {
    // SAFETY: The device is alive, RTNL is held.
    !unsafe { bindings::carp_in6_dev_rcu(device.as_ptr()) }.is_null()
}

/// It forwards what it receives for others. Any context.
pub(crate) fn forwards(_guard: &Guard, device: &NetDevice) -> bool {
    // SAFETY: The device is alive, the guard is held.
    let idev = NonNull::new(unsafe { bindings::carp_in6_dev_rcu(device.as_ptr()) });
    // SAFETY: Valid while the guard is held; a word that others may write.
    idev.is_some_and(|idev| unsafe {
        (&raw const (*idev.as_ptr()).cnf.forwarding).read_volatile() != 0
    })
}

/// Disables SLAAC and DAD on `device`, and keeps its addresses while it is down. To be called again
/// after a change of its MTU. Once the MTU is large enough for IPv6, the kernel sets IPv6 up anew,
/// and generates a link-local address unless that is disabled.
pub(crate) fn disable_autoconfiguration(_rtnl: &Rtnl<'_>, device: &NetDevice) {
    // SAFETY: The device is alive, RTNL is held.
    let idev = NonNull::new(unsafe { bindings::carp_in6_dev_rcu(device.as_ptr()) });
    // SAFETY: As above.
    unsafe { bindings::carp_set_no_addrconf(device.as_ptr(), idev.is_none()) };
    let Some(idev) = idev else {
        return;
    };
    // SAFETY: Valid under RTNL; these are words that others may read.
    unsafe {
        let cnf = &raw mut (*idev.as_ptr()).cnf;
        (&raw mut (*cnf).addr_gen_mode)
            .write_volatile(bindings::in6_addr_gen_mode_IN6_ADDR_GEN_MODE_NONE);
        (&raw mut (*cnf).accept_ra).write_volatile(0);
        (&raw mut (*cnf).autoconf).write_volatile(0);
        (&raw mut (*cnf).accept_dad).write_volatile(0);
        (&raw mut (*cnf).keep_addr_on_down).write_volatile(1);
    }
}

/// Listens to `group` on `device`, and says so to snooping switches. Fails without IPv6 on the
/// device. Context: process; sleeps.
pub(crate) fn join_group(_rtnl: &Rtnl<'_>, device: &NetDevice, group: &Ipv6) -> Result {
    // SAFETY: The device is alive.
    to_result(unsafe { bindings::ipv6_dev_mc_inc(device.as_ptr(), &in6_addr(group)) })
}

/// Takes one [`join_group`] back. If IPv6 was removed from the device before, the membership went
/// with it.
pub(crate) fn leave_group(_rtnl: &Rtnl<'_>, device: &NetDevice, group: &Ipv6) {
    // SAFETY: The device is alive.
    unsafe { bindings::ipv6_dev_mc_dec(device.as_ptr(), &in6_addr(group)) };
}
