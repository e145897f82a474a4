// SPDX-License-Identifier: GPL-2.0
//! What a carp device has received, before its stack sees it.
//!
//! Context: softirqs off, under RCU. No locks.

use super::owner;
use crate::sys::{
    inet::{self, RpFilter},
    net_device::NetDevice,
    skb::{Protocol, SkBuff},
};
use kernel::sync::rcu::Guard;

/// `device`, the carp device of a MASTER on `parent`, has received `packet`. A packet for an
/// address of the device gets its route here.
///
/// That costs less than the lookup that it saves. False: drop the packet, whose source is a
/// martian. Whatever else the lookup would refuse is left to the lookup.
pub(super) fn route(
    guard: &Guard,
    parent: &NetDevice,
    device: &NetDevice,
    packet: &mut SkBuff,
) -> bool {
    if packet.protocol() != Protocol::Ipv4 {
        return true;
    }
    let filter = inet::adopt_rp_filter(guard, device);
    let Some((from, to)) = packet.ipv4_addresses() else {
        return true;
    };
    let Some((carp, owner)) = owner::on_link(guard, parent, to) else {
        return true;
    };
    let ownership = carp.ownership();
    if !owner.is(device) || ownership.lacks_routes() {
        return true;
    }
    if inet::is_martian(guard, device, from) {
        device.count_not_received();
        return false;
    }
    match filter {
        // The routes to the neighbours lead to the parent, so the source is looked up as if the
        // parent had received the packet. If that is refused, the stack looks it up for the device,
        // and that decides.
        RpFilter::Strict => {
            packet.look_up_v4(guard, from, to, parent);
        }
        RpFilter::Off if !inet::looks_up_sources(guard, device) => {
            packet.set_route(ownership.ready_route_v4());
        }
        RpFilter::Off | RpFilter::Loose => (),
    }
    true
}
