// SPDX-License-Identifier: GPL-2.0
//! ARP for the virtual addresses.
//!
//! Linux answers ARP for an address of the host on every interface, with that interface's MAC
//! address. It asks its neighbours in the name of whatever address it sends from. For a virtual
//! address both are wrong. So the MASTER answers here, on the parent, with the virtual MAC address.
//! The stack sees no request for a virtual address, unless on the carp device of a MASTER. It asks
//! no question in the name of a virtual address, unless with the virtual MAC address.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use super::owner;
use crate::{
    proto::link::arp::{self, Arp},
    sys::{
        inet::{self, ArpOperation, Ipv4},
        net_device::NetDevice,
        skb::SkBuff,
    },
};
use kernel::sync::rcu::Guard;

fn read(packet: &SkBuff) -> Option<Arp> {
    Arp::read(packet.read_network(&mut [0; arp::LEN])?)
}

/// `parent` has received an ARP packet. Answers a request for an address of a MASTER on `parent`,
/// and notes a duplicate address.
pub(crate) fn hear(guard: &Guard, parent: &NetDevice, packet: &SkBuff) {
    let Some(arp) = read(packet) else { return };
    if let Some(master) = owner::master_on_link(guard, parent, arp.sender_ip) {
        let address = arp.sender_ip.into();
        master.carp.claimed(master.device, address, &arp.sender_mac);
    }
    // A gratuitous request asks nothing.
    if !arp.is_request || arp.sender_ip == arp.target_ip {
        return;
    }
    if let Some(master) = owner::master_on_link(guard, parent, arp.target_ip) {
        // What it is about to send comes in by the carp device. A flowtable takes a flow only if
        // there is a way back by the device that it comes in by, to a neighbour.
        inet::learn_neighbour(guard, master.device, arp.sender_ip, &arp.sender_mac);
        inet::send_arp(
            parent,
            ArpOperation::Reply,
            &master.mac(),
            arp.target_ip,
            Some(&arp.sender_mac),
            arp.sender_ip,
        );
    }
}

/// The stack may take in this ARP packet, which `device` has received. A packet for a virtual
/// address comes in only by the carp device of a MASTER. That device gets what was sent to the
/// virtual MAC address.
pub(super) fn input(guard: &Guard, device: &NetDevice, packet: &SkBuff) -> bool {
    let Some(arp) = read(packet) else {
        return true;
    };
    match owner::of(guard, device, arp.target_ip) {
        Some((carp, owner)) => owner.is(device) && carp.speaker().is_some(),
        None => true,
    }
}

/// The stack may send this ARP packet by `device`. A request in the name of a virtual address, but
/// with another MAC address than the virtual one, would teach the neighbours that MAC address. So
/// this puts the name of the interface into it.
pub(super) fn output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool {
    let Some(arp) = read(packet) else {
        return true;
    };
    let Some((carp, _)) = owner::of(guard, device, arp.sender_ip) else {
        return true;
    };
    if carp.has_mac(&arp.sender_mac) {
        return carp.speaker().is_some();
    }
    if !arp.is_request {
        return false;
    }
    let is_own = |address: &Ipv4| owner::of(guard, device, *address).is_none();
    // A request from 0.0.0.0 is answered too, and teaches nobody anything. But it looks like a
    // probe: another host that probes for the target (RFC 5227) would take it for a conflict.
    let own = inet::addresses_rcu(guard, device)
        .find(is_own)
        .or_else(|| inet::addresses_of_domain_rcu(guard, device).find(is_own))
        .unwrap_or_default();
    packet.write_network(arp::SENDER_IP_OFFSET, &own).is_ok()
}
