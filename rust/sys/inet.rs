// SPDX-License-Identifier: GPL-2.0
//! IPv4 of a device: its addresses, its groups, ARP on it.

use super::{
    bindings,
    net_device::{Mac, NetDevice, Rtnl},
};
use core::ptr::{self, NonNull};
use kernel::{alloc::KVec, prelude::*, sync::rcu::Guard};

/// An address in network order.
pub(crate) type Ipv4 = [u8; 4];

/// Everybody on the link.
pub(crate) const BROADCAST: Ipv4 = [255; 4];
/// Nobody's, and to the stack an address like any other (RFC 1112: reserved for future use).
pub(crate) const RESERVED: Ipv4 = [255, 255, 255, 254];

/// # Safety
///
/// `in_dev` is valid, and the caller holds RTNL or an RCU guard while it uses the iterator.
unsafe fn walk(
    in_dev: NonNull<bindings::in_device>,
) -> impl Iterator<Item = NonNull<bindings::in_ifaddr>> {
    // SAFETY: By this function's contract.
    let mut next = NonNull::new(unsafe { bindings::carp_ifa_first_rcu(in_dev.as_ptr()) });
    core::iter::from_fn(move || {
        let ifa = next?;
        // SAFETY: By this function's contract addresses on the list are not freed meanwhile.
        next = NonNull::new(unsafe { bindings::carp_ifa_next_rcu(ifa.as_ptr()) });
        Some(ifa)
    })
}

/// # Safety
///
/// `ifa` is valid.
unsafe fn local(ifa: NonNull<bindings::in_ifaddr>) -> Ipv4 {
    // SAFETY: By this function's contract; the address never changes.
    unsafe { (*ifa.as_ptr()).ifa_local }.to_ne_bytes()
}

/// The addresses configured on `device`. Context: RTNL; allocates.
pub(crate) fn addresses(_rtnl: &Rtnl<'_>, device: &NetDevice) -> Result<KVec<Ipv4>> {
    let mut list = KVec::new();
    // SAFETY: The device is alive, RTNL is held.
    let Some(in_dev) = NonNull::new(unsafe { bindings::carp_in_dev_rtnl(device.as_ptr()) }) else {
        return Ok(list);
    };
    // SAFETY: RTNL is held.
    for ifa in unsafe { walk(in_dev) } {
        // SAFETY: As above.
        list.push(unsafe { local(ifa) }, GFP_KERNEL_ACCOUNT)?;
    }
    Ok(list)
}

/// The addresses configured on `device`, while the guard is held. Any context.
pub(crate) fn addresses_rcu<'a>(
    _guard: &'a Guard,
    device: &'a NetDevice,
) -> impl Iterator<Item = Ipv4> + 'a {
    // SAFETY: The device is alive, the guard is held.
    let in_dev = NonNull::new(unsafe { bindings::carp_in_dev_rcu(device.as_ptr()) });
    in_dev.into_iter().flat_map(|in_dev| {
        // SAFETY: The guard is held for `'a`.
        unsafe { walk(in_dev).map(|ifa| local(ifa)) }
    })
}

/// The addresses of all devices that are up in the L3 domain of `near`, except the loopback device.
pub(crate) fn addresses_of_domain_rcu<'a>(
    guard: &'a Guard,
    near: &'a NetDevice,
) -> impl Iterator<Item = Ipv4> + 'a {
    let domain = near.l3_domain(guard);
    near.namespace_rcu(guard)
        .devices_rcu(guard)
        .filter(move |device| {
            device.is_up() && !device.is_loopback() && device.l3_domain(guard) == domain
        })
        .flat_map(|device| addresses_rcu(guard, device))
}

/// An address as it is configured, with all that its routes follow from.
#[derive(Clone, Copy)]
pub(crate) struct Configured {
    pub(crate) address: Ipv4,
    /// The address that its prefix is of: itself, or the peer on a point-to-point link.
    pub(crate) peer: Ipv4,
    pub(crate) prefix_len: u8,
    /// None: 0.0.0.0.
    pub(crate) broadcast: Ipv4,
    /// Another address of the same prefix came first.
    pub(crate) is_secondary: bool,
    /// Its prefix is to have a route by the device.
    pub(crate) wants_prefix_route: bool,
    pub(crate) metric: u32,
}

/// As [`addresses_rcu`], with everything about them.
pub(crate) fn configured_rcu<'a>(
    _guard: &'a Guard,
    device: &'a NetDevice,
) -> impl Iterator<Item = Configured> + 'a {
    // SAFETY: The device is alive, the guard is held.
    let in_dev = NonNull::new(unsafe { bindings::carp_in_dev_rcu(device.as_ptr()) });
    in_dev.into_iter().flat_map(|in_dev| {
        // SAFETY: The guard is held for `'a`.
        unsafe { walk(in_dev) }.map(|ifa| {
            // SAFETY: As above: a valid address, of single words that others may write.
            let ifa = unsafe { &*ifa.as_ptr() };
            Configured {
                address: ifa.ifa_local.to_ne_bytes(),
                peer: ifa.ifa_address.to_ne_bytes(),
                prefix_len: ifa.ifa_prefixlen.min(32),
                broadcast: ifa.ifa_broadcast.to_ne_bytes(),
                is_secondary: ifa.ifa_flags & bindings::IFA_F_SECONDARY != 0,
                wants_prefix_route: ifa.ifa_flags & bindings::IFA_F_NOPREFIXROUTE == 0,
                metric: ifa.ifa_rt_priority,
            }
        })
    })
}

/// `address` is local in the L3 domain of `near`, and not by a route of `carp`: by one of another
/// device or of the administrator's. Any context.
pub(crate) fn is_local_but_for(
    _guard: &Guard,
    near: &NetDevice,
    carp: &NetDevice,
    address: Ipv4,
) -> bool {
    let (net, address) = (near.net(), u32::from_ne_bytes(address));
    // SAFETY: `near` is alive, and with it its namespace; the guard is held.
    let kind = unsafe { bindings::inet_addr_type_dev_table(net, near.as_ptr(), address) };
    // SAFETY: As above, and for `carp`.
    let kind_by_carp = unsafe { bindings::inet_dev_addr_type(net, carp.as_ptr(), address) };
    kind == bindings::RTN_LOCAL && kind_by_carp != bindings::RTN_LOCAL
}

/// Sets `rp_filter` of `device` to loose if it is strict.
pub(crate) fn loosen_rp_filter(_rtnl: &Rtnl<'_>, device: &NetDevice) {
    const STRICT: i32 = 1;
    const LOOSE: i32 = 2;
    // SAFETY: The device is alive, RTNL is held.
    if let Some(in_dev) = NonNull::new(unsafe { bindings::carp_in_dev_rtnl(device.as_ptr()) }) {
        // SAFETY: `in_dev` is valid under RTNL.
        if unsafe { bindings::carp_adopt_rp_filter(device.as_ptr()) } == STRICT {
            // SAFETY: As above.
            unsafe { bindings::carp_set_rp_filter(in_dev.as_ptr(), LOOSE) }
        }
    }
}

/// What a device takes in: everything; or only what comes by the device that the answer leaves by;
/// or only what can be answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum RpFilter {
    Off,
    Strict,
    Loose,
}

/// That of `device`. Where its own is off and the namespace's is strict, its own becomes loose.
pub(crate) fn adopt_rp_filter(_guard: &Guard, device: &NetDevice) -> RpFilter {
    // SAFETY: The device is alive, the guard is held.
    match unsafe { bindings::carp_adopt_rp_filter(device.as_ptr()) } {
        0 => RpFilter::Off,
        1 => RpFilter::Strict,
        _ => RpFilter::Loose,
    }
}

/// Nobody sends to `device` from `source`: it is an address of this host (unless `accept_local`),
/// of a group, a broadcast address, or none.
pub(crate) fn is_martian(_guard: &Guard, device: &NetDevice, source: Ipv4) -> bool {
    // SAFETY: The device is alive, the guard is held.
    unsafe { bindings::carp_is_martian(device.as_ptr(), u32::from_ne_bytes(source)) }
}

/// The source of a packet that `device` receives is looked up in the routes. Otherwise it is looked
/// up in the list of the addresses of the namespace.
pub(crate) fn looks_up_sources(_guard: &Guard, device: &NetDevice) -> bool {
    // SAFETY: The device is alive, the guard is held.
    unsafe { bindings::carp_fib_looks_up_sources(device.as_ptr()) }
}

/// Listens to `group` on `device`, and says so to snooping switches. Fails if out of memory. A
/// device without IPv4 listens to nothing.
pub(crate) fn join_group(_rtnl: &Rtnl<'_>, device: &NetDevice, group: Ipv4) -> Result {
    // SAFETY: The device is alive, RTNL is held.
    let in_dev = unsafe { bindings::carp_in_dev_rtnl(device.as_ptr()) };
    if in_dev.is_null() {
        return Ok(());
    }
    let group = u32::from_ne_bytes(group);
    // SAFETY: `in_dev` is valid under RTNL.
    unsafe { bindings::ip_mc_inc_group(in_dev, group) };
    // The function does not tell if out of memory. SAFETY: As above.
    if unsafe { bindings::carp_ip_mc_is_member(in_dev, group) } {
        Ok(())
    } else {
        Err(ENOMEM)
    }
}

/// Takes one [`join_group`] back. If IPv4 was removed from the device before, the membership went
/// with it.
pub(crate) fn leave_group(_rtnl: &Rtnl<'_>, device: &NetDevice, group: Ipv4) {
    // SAFETY: The device is alive, RTNL is held.
    if let Some(in_dev) = NonNull::new(unsafe { bindings::carp_in_dev_rtnl(device.as_ptr()) }) {
        // SAFETY: `in_dev` is valid under RTNL.
        unsafe { bindings::carp_ip_mc_dec_group(in_dev.as_ptr(), u32::from_ne_bytes(group)) }
    }
}

/// Sends an ARP packet by `device`, from `mac` and `sender`. `None` for a MAC address means that it
/// is not known: the packet goes to all neighbours. Context: process or softirq.
pub(crate) fn send_arp(
    device: &NetDevice,
    operation: ArpOperation,
    mac: &Mac,
    sender: Ipv4,
    target_mac: Option<&Mac>,
    target: Ipv4,
) {
    let operation = match operation {
        ArpOperation::Request => bindings::ARPOP_REQUEST,
        ArpOperation::Reply => bindings::ARPOP_REPLY,
    };
    let target_mac = target_mac.map_or(ptr::null(), |mac| mac.as_ptr());
    // SAFETY: The device is alive, the MAC addresses have the length of its addresses.
    unsafe {
        bindings::arp_send(
            operation as i32,
            bindings::ETH_P_ARP as i32,
            u32::from_ne_bytes(target),
            device.as_ptr(),
            u32::from_ne_bytes(sender),
            target_mac,
            mac.as_ptr(),
            target_mac,
        )
    }
}

/// `device` gets `address` as a neighbour, which is at `mac`, unless nobody can have that address.
/// Any context but hard interrupts. Nothing happens if out of memory.
pub(crate) fn learn_neighbour(guard: &Guard, device: &NetDevice, address: Ipv4, mac: &Mac) {
    if is_martian(guard, device, address) {
        return;
    }
    // SAFETY: The device is alive under RCU, the MAC address has the length of its addresses.
    unsafe { bindings::carp_arp_learn(device.as_ptr(), u32::from_ne_bytes(address), mac.as_ptr()) }
}

/// What an ARP packet asks or says.
pub(crate) enum ArpOperation {
    Request,
    Reply,
}
