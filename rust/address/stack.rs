// SPDX-License-Identifier: GPL-2.0
//! What the stack of a namespace makes of the virtual addresses, and is kept from making of them.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use super::{arp, table, window};
use crate::{
    group::vhost::Vhost,
    sys::{
        link,
        net_device::NetDevice,
        skb::{Protocol, SkBuff},
        stack_hook::StackHook,
    },
};
use kernel::sync::rcu::Guard;

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
        let found = match packet.protocol() {
            Protocol::Ipv4 => packet
                .ipv4_addresses()
                .and_then(|(from, _)| table::in_domain(guard, device, from)),
            Protocol::Ipv6 => packet
                .ipv6_addresses()
                .and_then(|(from, _)| table::in_domain(guard, device, from)),
            Protocol::Arp | Protocol::Other => None,
        };
        let Some((vhost, owner)) = found else {
            return true;
        };
        if vhost.owns_addresses() {
            return window::output(vhost.ownership(), packet);
        }
        owner.count_not_sent();
        false
    }

    fn ip_input(device: &NetDevice, packet: &mut SkBuff) -> bool {
        link::of::<Vhost>(device).is_none_or(|vhost| window::input(&vhost, device, packet))
    }
}
