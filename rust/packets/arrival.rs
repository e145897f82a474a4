// SPDX-License-Identifier: GPL-2.0
//! What a carp device has received, before its stack sees it.
//!
//! Context: softirqs off, under RCU. No locks.

use super::owner;
use crate::{
    group::carp_device::CarpDevice,
    sys::{
        inet, link,
        net_device::NetDevice,
        skb::{Protocol, SkBuff},
    },
};
use kernel::sync::rcu::Guard;

/// `device`, which is that of a MASTER on `parent`, has received `packet`: gives it its route, where
/// the stack would not.
///
/// The neighbours are reached by the parent, so a strict `rp_filter` means the way by the parent.
/// If that refuses the packet, the stack asks for the way by the device, and that decides.
pub(super) fn route(guard: &Guard, parent: &NetDevice, device: &NetDevice, packet: &mut SkBuff) {
    if packet.protocol() != Protocol::Ipv4 || !inet::filters_strictly(guard, device) {
        return;
    }
    let Some(carp) = link::of::<CarpDevice>(device) else {
        return;
    };
    let Some((from, to)) = packet.ipv4_addresses() else {
        return;
    };
    if !carp.ownership().lacks_routes() && owner::is_of(guard, &carp, device, to) {
        packet.look_up_v4(guard, from, to, parent);
    }
}
