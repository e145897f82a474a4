// SPDX-License-Identifier: GPL-2.0
//! Packets of the window: this host is MASTER, and the FIB may not have the routes of its addresses
//! yet.
//!
//! A packet to such an address gets a route that was made before. That route replaces a lookup, so
//! this refuses what a lookup would refuse. Rules that ask the FIB for the type of an address, as
//! those of published ports do, do not match in the window. So conntrack keeps no flow that begins
//! in the window: the flow would stay untranslated. Nor does this host send a RST or an unreachable
//! then: the port may be published by such a rule.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use super::owner;
use crate::{
    group::carp_device::CarpDevice,
    sys::{
        inet::{self, Ipv4, RpFilter},
        net_device::NetDevice,
        skb::{Protocol, SkBuff},
    },
};
use kernel::sync::rcu::Guard;

/// Room for the longest IP header, and for what is looked at after it.
const HEAD_LEN: usize = 76;

/// `device`, which is the `net_device` of `carp`, has received a packet. The FIB is about to be
/// asked for its route. False: drop the packet.
pub(super) fn input(
    guard: &Guard,
    carp: &CarpDevice,
    device: &NetDevice,
    packet: &mut SkBuff,
) -> bool {
    match packet.protocol() {
        Protocol::Ipv4 => input_v4(guard, carp, device, packet),
        // IPv6 has refused bad sources before.
        Protocol::Ipv6 => {
            let Some(route) = carp.ownership().ready_route_v6() else {
                return true;
            };
            let to = packet.ipv6_addresses().map(|(_, to)| to);
            if to.is_some_and(|to| owner::is_of(guard, carp, device, to)) {
                packet.untrack();
                packet.set_route(route);
            }
            true
        }
        Protocol::Arp | Protocol::Other => true,
    }
}

fn input_v4(guard: &Guard, carp: &CarpDevice, device: &NetDevice, packet: &mut SkBuff) -> bool {
    let ownership = carp.ownership();
    if !ownership.lacks_routes() {
        return true;
    }
    let Some((from, to)) = packet.ipv4_addresses() else {
        return true;
    };
    if !owner::is_of(guard, carp, device, to) {
        return true;
    }
    if !admits_source(guard, device, carp.parent_device(), from, packet) {
        device.count_not_received();
        return false;
    }
    packet.untrack();
    packet.set_route(ownership.ready_route_v4());
    true
}

/// A lookup would accept the source of a packet for this host. The address looked up is the one for
/// everybody, which needs no route in the FIB.
fn admits_source(
    guard: &Guard,
    device: &NetDevice,
    parent: &NetDevice,
    from: Ipv4,
    packet: &mut SkBuff,
) -> bool {
    // A martian is nobody's. A virtual address of this host is one as well, though the FIB may lack
    // it yet.
    let found = owner::of(guard, device, from);
    if inet::is_martian(guard, device, from) || found.is_some_and(|(carp, _)| carp.owns_addresses())
    {
        return false;
    }
    let admits = |packet: &mut SkBuff, by| packet.look_up_v4(guard, from, inet::BROADCAST, by);
    inet::adopt_rp_filter(guard, device) == RpFilter::Strict && admits(packet, parent)
        || admits(packet, device)
}

/// This host is about to send a packet from an address of `device`, which is the `net_device` of
/// `carp`. False: drop the packet.
pub(super) fn output(carp: &CarpDevice, device: &NetDevice, packet: &mut SkBuff) -> bool {
    if !carp.ownership().lacks_routes() {
        return true;
    }
    let mut buffer = [0; HEAD_LEN];
    if packet.read_network(&mut buffer).is_some_and(is_refusal) {
        device.count_not_sent();
        return false;
    }
    packet.untrack();
    true
}

/// The packet says that nobody listens: a RST of TCP, or an unreachable of ICMP.
fn is_refusal(packet: &[u8]) -> bool {
    const ICMP: u8 = 1;
    const TCP: u8 = 6;
    const ICMPV6: u8 = 58;
    const RST: u8 = 4;
    let (protocol, len) = match packet {
        [first, _, _, _, _, _, _, _, _, protocol, ..] if first >> 4 == 4 => {
            (*protocol, usize::from(first & 15).saturating_mul(4))
        }
        [first, _, _, _, _, _, next, ..] if first >> 4 == 6 => (*next, 40),
        _ => return false,
    };
    match (protocol, packet.get(len..)) {
        (ICMP, Some([kind, ..])) => *kind == 3,
        (ICMPV6, Some([kind, ..])) => *kind == 1,
        (TCP, Some([_, _, _, _, _, _, _, _, _, _, _, _, _, flags, ..])) => flags & RST != 0,
        _ => false,
    }
}
