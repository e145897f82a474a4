// SPDX-License-Identifier: GPL-2.0
//! What the stack of a namespace makes of the virtual addresses, and is kept from making of them.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use super::{arp, nd, ownership::Ownership};
use crate::{
    group::vhost::Vhost,
    proto::ipv6,
    sys::{
        inet,
        inet6::{self, Ipv6},
        link,
        net_device::NetDevice,
        route::LocalRoute,
        skb::{Protocol, SkBuff},
        stack_hook::StackHook,
    },
};
use kernel::sync::{rcu::Guard, ArcBorrow};

pub(crate) struct Stack;

impl StackHook for Stack {
    fn arp_input(guard: &Guard, device: &NetDevice, packet: &SkBuff) -> bool {
        arp::input(guard, device, packet)
    }

    fn arp_output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool {
        arp::output(guard, device, packet)
    }

    fn ip_output(guard: &Guard, device: &NetDevice, packet: &SkBuff) -> bool {
        // A carp device looks itself, and counts.
        if link::of::<Vhost>(device).is_some() {
            return true;
        }
        let vhost = match packet.protocol() {
            Protocol::Ipv4 => packet
                .ipv4_addresses()
                .and_then(|(from, _)| inet::owner_of(guard, device, from))
                .and_then(link::of::<Vhost>),
            Protocol::Ipv6 => packet
                .ipv6_addresses()
                .and_then(|(from, _)| sender_v6(guard, device, &from)),
            Protocol::Arp | Protocol::Other => None,
        };
        vhost.is_none_or(|vhost| vhost.owns_addresses())
    }

    fn ip_input(device: &NetDevice, packet: &mut SkBuff) {
        if let Some(vhost) = link::of::<Vhost>(device) {
            if let Some(route) = way_in(vhost.ownership(), device, packet) {
                packet.set_route(route);
            }
        }
    }
}

/// The virtual host whose address a packet comes from that is about to leave by `device`.
fn sender_v6<'a>(
    guard: &'a Guard,
    device: &NetDevice,
    from: &Ipv6,
) -> Option<ArcBorrow<'a, Vhost>> {
    // Most packets.
    if inet6::has(guard, device, from) {
        None
    } else if ipv6::is_link_local(from) {
        nd::vhost_of(guard, device, from).map(|(vhost, _)| vhost)
    } else {
        inet6::owner_of(guard, device, from)
            .or_else(|| inet6::holder_of(guard, device, from))
            .and_then(link::of::<Vhost>)
    }
}

/// The route of a packet for one of the addresses of `device`, if the tables may not have it yet.
fn way_in<'a>(
    ownership: &'a Ownership,
    device: &NetDevice,
    packet: &SkBuff,
) -> Option<&'a LocalRoute> {
    let guard = Guard::new();
    match packet.protocol() {
        Protocol::Ipv4 => {
            // A strict filter would have none of a neighbour that is reached by the parent.
            let is_strict = inet::filters_strictly(&guard, device);
            let route = ownership.way_in_v4(!is_strict)?;
            let (_, destination) = packet.ipv4_addresses()?;
            let owner = inet::owner_of(&guard, device, destination)?;
            owner.is(device).then_some(route)
        }
        Protocol::Ipv6 => {
            let route = ownership.way_in_v6()?;
            let (_, destination) = packet.ipv6_addresses()?;
            inet6::has(&guard, device, &destination).then_some(route)
        }
        Protocol::Arp | Protocol::Other => None,
    }
}
