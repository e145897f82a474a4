// SPDX-License-Identifier: GPL-2.0
//! What the stack of a namespace may do with packets from and to virtual addresses.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use super::{arp, owner, window};
use crate::{
    address::table::Address,
    group::carp_device::CarpDevice,
    sys::{
        inet, inet6, link,
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
        match packet.protocol() {
            Protocol::Ipv4 => packet.ipv4_addresses().is_none_or(|(from, _)| {
                may_leave(guard, device, packet, from, inet::is_local_but_for)
            }),
            Protocol::Ipv6 => packet.ipv6_addresses().is_none_or(|(from, _)| {
                may_leave(guard, device, packet, from, inet6::is_local_but_for)
            }),
            Protocol::Arp | Protocol::Other => true,
        }
    }

    fn ip_input(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool {
        let carp = link::of::<CarpDevice>(device);
        if carp.is_some_and(|carp| !window::input(guard, &carp, device, packet)) {
            return false;
        }
        if packet.protocol() == Protocol::Ipv4 {
            admit_owner(guard, device, packet);
        }
        true
    }
}

/// Gives a route to a packet from a virtual address that another host owns. The stack would take
/// the packet for a martian, since this host has the address too. A stack that looks up sources in
/// the routes finds the other host by itself.
fn admit_owner(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) {
    let Some((from, to)) = packet.ipv4_addresses() else {
        return;
    };
    let Some((carp, owner)) = owner::of(guard, device, from) else {
        return;
    };
    if inet::looks_up_sources(guard, device) {
        return;
    }
    if !carp.owns_addresses() && !inet::is_local_but_for(guard, device, owner, from) {
        // The lookup is for a source that is nobody's. If it is refused, the stack refuses the
        // packet again.
        packet.look_up_v4(guard, inet::RESERVED, to, device);
    }
}

/// A packet from `from` may leave by `device`. It may not if `from` is a virtual address that this
/// host does not own, and is not local by other means: see `is_local_but_for`. Then the carp device
/// that has the address counts the packet.
fn may_leave<A: Address>(
    guard: &Guard,
    device: &NetDevice,
    packet: &mut SkBuff,
    from: A,
    is_local_but_for: impl FnOnce(&Guard, &NetDevice, &NetDevice, A) -> bool,
) -> bool {
    let Some((carp, owner)) = owner::of(guard, device, from) else {
        return true;
    };
    if carp.owns_addresses() {
        return window::output(&carp, owner, packet);
    }
    // The carp device itself sends nothing while it is not MASTER, and counts that.
    if owner.is(device) || is_local_but_for(guard, device, owner, from) {
        return true;
    }
    owner.count_not_sent();
    false
}
