// SPDX-License-Identifier: GPL-2.0
//! The carp device that has a virtual address in a packet.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use crate::{
    address::table::{self, Address},
    group::carp_device::CarpDevice,
    proto::link::mac,
    sys::{
        link,
        net_device::{Mac, NetDevice},
    },
};
use kernel::sync::{rcu::Guard, ArcBorrow};

/// A carp device and its `net_device`.
pub(super) type Found<'a> = (ArcBorrow<'a, CarpDevice>, &'a NetDevice);

/// A carp device that is MASTER, and the vhid of the virtual host that speaks for its addresses.
pub(super) struct Master<'a> {
    pub(super) carp: ArcBorrow<'a, CarpDevice>,
    pub(super) device: &'a NetDevice,
    pub(super) vhid: u8,
}

impl Master<'_> {
    pub(super) fn mac(&self) -> Mac {
        mac::virtual_mac(self.vhid)
    }
}

fn found(device: &NetDevice) -> Option<Found<'_>> {
    Some((link::of::<CarpDevice>(device)?, device))
}

/// The carp device that has `address` on the link of `parent`.
pub(super) fn on_link<'a, A: Address>(
    guard: &'a Guard,
    parent: &NetDevice,
    address: A,
) -> Option<Found<'a>> {
    table::on_link(guard, parent, address).and_then(found)
}

/// The same, if the carp device is MASTER.
pub(super) fn master_on_link<'a, A: Address>(
    guard: &'a Guard,
    parent: &NetDevice,
    address: A,
) -> Option<Master<'a>> {
    let (carp, device) = on_link(guard, parent, address)?;
    let vhid = carp.speaker()?;
    Some(Master { carp, device, vhid })
}

/// `address` is one of `device`, which is the `net_device` of `carp`.
pub(super) fn is_of<A: Address>(
    guard: &Guard,
    carp: &CarpDevice,
    device: &NetDevice,
    address: A,
) -> bool {
    on_link(guard, carp.parent_device(), address).is_some_and(|(_, owner)| owner.is(device))
}

/// The carp device that the stack means by `address` in a packet that comes in or leaves by
/// `device`. It is in the L3 domain of `device`, or on its link. The link of a carp device is that
/// of its parent.
pub(super) fn of<'a, A: Address>(
    guard: &'a Guard,
    device: &NetDevice,
    address: A,
) -> Option<Found<'a>> {
    if !table::may_have(guard, device, address) {
        return None;
    }
    let by_link = || {
        let carp = link::of::<CarpDevice>(device);
        let parent = carp.as_ref().map_or(device, |carp| carp.parent_device());
        on_link(guard, parent, address)
    };
    if address.is_link_local() {
        return by_link();
    }
    let in_domain = table::in_domain(guard, device, address).and_then(found);
    in_domain.or_else(by_link)
}
