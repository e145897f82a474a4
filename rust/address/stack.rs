// SPDX-License-Identifier: GPL-2.0
//! What the stack of a namespace makes of the virtual addresses, and is kept from making of them.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use super::{arp, nd, window};
use crate::{
    group::vhost::Vhost,
    proto::ipv6,
    sys::{
        inet,
        inet6::{self, Ipv6},
        link,
        net_device::NetDevice,
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

    fn ip_output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool {
        // Who owns the addresses, a carp device looks itself, and counts.
        if let Some(vhost) = link::of::<Vhost>(device) {
            return window::output(vhost.ownership(), packet);
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
        vhost
            .is_none_or(|vhost| vhost.owns_addresses() && window::output(vhost.ownership(), packet))
    }

    fn ip_input(device: &NetDevice, packet: &mut SkBuff) -> bool {
        link::of::<Vhost>(device).is_none_or(|vhost| window::input(&vhost, device, packet))
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
