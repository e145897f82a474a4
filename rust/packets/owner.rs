// SPDX-License-Identifier: GPL-2.0
//! Whose a virtual address is, for packets: the virtual host, and its device.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use crate::{
    address::table::{self, Address},
    group::vhost::Vhost,
    sys::{link, net_device::NetDevice},
};
use kernel::sync::{rcu::Guard, ArcBorrow};

/// A virtual host and its device.
pub(super) type Found<'a> = (ArcBorrow<'a, Vhost>, &'a NetDevice);

fn found(device: &NetDevice) -> Option<Found<'_>> {
    Some((link::of::<Vhost>(device)?, device))
}

/// Who has `address` on the link of `parent`.
pub(super) fn on_link<'a, A: Address>(
    guard: &'a Guard,
    parent: &NetDevice,
    address: A,
) -> Option<Found<'a>> {
    table::on_link(guard, parent, address).and_then(found)
}

/// The same, if it is MASTER.
pub(super) fn master_on_link<'a, A: Address>(
    guard: &'a Guard,
    parent: &NetDevice,
    address: A,
) -> Option<Found<'a>> {
    on_link(guard, parent, address).filter(|(vhost, _)| vhost.is_master())
}

/// Who has `address` as the stack means it if it comes in or leaves by `device`: one in the L3
/// domain of that, or on its link. The link of a carp device is that of its parent.
pub(super) fn of<'a, A: Address>(
    guard: &'a Guard,
    device: &NetDevice,
    address: A,
) -> Option<Found<'a>> {
    let by_link = || {
        let carp = link::of::<Vhost>(device);
        let parent = carp.as_ref().map_or(device, |vhost| vhost.parent_device());
        on_link(guard, parent, address)
    };
    if address.is_link_local() {
        return by_link();
    }
    let in_domain = table::in_domain(guard, device, address).and_then(found);
    in_domain.or_else(by_link)
}
