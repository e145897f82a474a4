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

/// # Safety
///
/// `in_dev` is valid, and the caller holds RTNL or an RCU guard while it uses the iterator.
unsafe fn walk(in_dev: NonNull<bindings::in_device>) -> impl Iterator<Item = Ipv4> {
    // SAFETY: By this function's contract.
    let mut next = NonNull::new(unsafe { bindings::carp_ifa_first_rcu(in_dev.as_ptr()) });
    core::iter::from_fn(move || {
        let ifa = next?;
        // SAFETY: By this function's contract addresses on the list are not freed meanwhile.
        next = NonNull::new(unsafe { bindings::carp_ifa_next_rcu(ifa.as_ptr()) });
        // SAFETY: As above.
        Some(unsafe { (*ifa.as_ptr()).ifa_local }.to_ne_bytes())
    })
}

/// The addresses configured on `device`. Context: RTNL; allocates.
pub(crate) fn addresses(_rtnl: &Rtnl<'_>, device: &NetDevice) -> Result<KVec<Ipv4>> {
    let mut list = KVec::new();
    // SAFETY: The device is alive, RTNL is held.
    let Some(in_dev) = NonNull::new(unsafe { bindings::carp_in_dev_rtnl(device.as_ptr()) }) else {
        return Ok(list);
    };
    // SAFETY: RTNL is held.
    for address in unsafe { walk(in_dev) } {
        list.push(address, GFP_KERNEL)?;
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
        unsafe { walk(in_dev) }
    })
}

/// The device of the namespace of `near` that has `address`. Any context.
pub(crate) fn owner_of<'a>(
    _guard: &'a Guard,
    near: &NetDevice,
    address: Ipv4,
) -> Option<&'a NetDevice> {
    // SAFETY: `near` is alive, and with it its namespace; the guard is held; no reference is taken.
    let dev = unsafe { bindings::__ip_dev_find(near.net(), u32::from_ne_bytes(address), false) };
    // SAFETY: A device found under RCU is alive while the guard is.
    NonNull::new(dev).map(|dev| unsafe { NetDevice::from_raw(dev.as_ptr()) })
}

/// Has `device` accept packets whose sender is reached by any device: what comes in by it need not
/// be answered by it. Counts for this device also where the namespace is stricter (`all.rp_filter`).
pub(crate) fn accept_any_way_back(_rtnl: &Rtnl<'_>, device: &NetDevice) {
    const LOOSE: i32 = 2;
    // SAFETY: The device is alive, RTNL is held.
    if let Some(in_dev) = NonNull::new(unsafe { bindings::carp_in_dev_rtnl(device.as_ptr()) }) {
        // SAFETY: `in_dev` is valid under RTNL.
        unsafe { bindings::carp_set_rp_filter(in_dev.as_ptr(), LOOSE) }
    }
}

/// Listens to `group` on `device`, and says so to snooping switches.
pub(crate) fn join_group(_rtnl: &Rtnl<'_>, device: &NetDevice, group: Ipv4) {
    // SAFETY: The device is alive, RTNL is held.
    if let Some(in_dev) = NonNull::new(unsafe { bindings::carp_in_dev_rtnl(device.as_ptr()) }) {
        // SAFETY: `in_dev` is valid under RTNL.
        unsafe { bindings::ip_mc_inc_group(in_dev.as_ptr(), u32::from_ne_bytes(group)) }
    }
}

/// Takes one [`join_group`] back. Memberships go with the device's IPv4 side, if that went first.
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

/// What an ARP packet asks or says.
pub(crate) enum ArpOperation {
    Request,
    Reply,
}
