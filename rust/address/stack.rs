// SPDX-License-Identifier: GPL-2.0
//! What the stack of a namespace makes of the virtual addresses, and is kept from making of them.
//!
//! Context: softirqs off, under RCU. No locks.

use super::{arp, ownership::Ownership};
use crate::{
    group::vhost::Vhost,
    sys::{
        inet, inet6, link,
        net_device::NetDevice,
        route::LocalRoute,
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

    fn ip_input(device: &NetDevice, packet: &mut SkBuff) {
        if let Some(vhost) = link::of::<Vhost>(device) {
            if let Some(route) = way_in(vhost.ownership(), device, packet) {
                packet.set_route(route);
            }
        }
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
            let route = ownership.way_in_v4()?;
            let mut buffer = [0; 20];
            let (_, destination) = packet.read_network(&mut buffer)?.split_last_chunk()?;
            let owner = inet::owner_of(&guard, device, *destination)?;
            owner.is(device).then_some(route)
        }
        Protocol::Ipv6 => {
            let route = ownership.way_in_v6()?;
            let mut buffer = [0; 40];
            let (_, destination) = packet.read_network(&mut buffer)?.split_last_chunk()?;
            inet6::has(&guard, device, destination).then_some(route)
        }
        Protocol::Arp | Protocol::Other => None,
    }
}
