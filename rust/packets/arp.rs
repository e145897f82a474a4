// SPDX-License-Identifier: GPL-2.0
//! ARP for the virtual addresses.
//!
//! Linux answers ARP for an address of the host on every interface, with that interface's MAC
//! address, and asks its neighbours in the name of whatever address it sends from. For a virtual
//! address both are wrong. So the MASTER answers here, on the parent, with the virtual MAC address;
//! the stack never sees a request for a virtual address, whatever interface it came in by; and it
//! never asks a question in the name of one, unless on the carp device itself.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use super::owner;
use crate::sys::{
    inet::{self, ArpOperation, Ipv4},
    net_device::{Mac, NetDevice},
    skb::SkBuff,
};
use kernel::sync::rcu::Guard;

/// Length of an ARP packet for IPv4 on Ethernet.
const LEN: usize = 28;
/// Hardware type Ethernet or IEEE 802, which Linux takes for the same, protocol type IPv4, and the
/// lengths of their addresses.
const ETHERNET_IPV4: [[u8; 6]; 2] = [[0, 1, 8, 0, 6, 4], [0, 6, 8, 0, 6, 4]];
/// Operation.
const REQUEST: [u8; 2] = [0, 1];
/// Offset of the sender's protocol address.
const SENDER_IP_OFFSET: i32 = 14;

/// The fields of an ARP packet for IPv4 on Ethernet that matter here.
struct Arp {
    is_request: bool,
    sender_mac: Mac,
    sender_ip: Ipv4,
    target_ip: Ipv4,
}

impl Arp {
    fn read(packet: &SkBuff) -> Option<Self> {
        let mut buffer = [0; LEN];
        let bytes: &[u8; LEN] = packet.read_network(&mut buffer)?.first_chunk()?;
        let (head, rest) = bytes.split_first_chunk::<6>()?;
        let (operation, rest) = rest.split_first_chunk::<2>()?;
        let (sender_mac, rest) = rest.split_first_chunk()?;
        let (sender_ip, rest) = rest.split_first_chunk()?;
        let (_target_mac, target_ip) = rest.split_first_chunk::<6>()?;
        ETHERNET_IPV4.contains(head).then_some(Self {
            is_request: *operation == REQUEST,
            sender_mac: *sender_mac,
            sender_ip: *sender_ip,
            target_ip: *target_ip.first_chunk()?,
        })
    }
}

/// `parent` has received an ARP packet: answers if it asks for an address of a
/// MASTER on it, and notes a duplicate address.
pub(crate) fn hear(guard: &Guard, parent: &NetDevice, packet: &SkBuff) {
    let Some(arp) = Arp::read(packet) else { return };
    if let Some((vhost, device)) = owner::master_on_link(guard, parent, arp.sender_ip) {
        let (own, address) = (vhost.mac(), arp.sender_ip.into());
        vhost
            .conflicts
            .claimed(device, &own, address, &arp.sender_mac);
    }
    // A gratuitous request asks nothing.
    if !arp.is_request || arp.sender_ip == arp.target_ip {
        return;
    }
    if let Some((vhost, _)) = owner::master_on_link(guard, parent, arp.target_ip) {
        inet::send_arp(
            parent,
            ArpOperation::Reply,
            &vhost.mac(),
            arp.target_ip,
            Some(&arp.sender_mac),
            arp.sender_ip,
        );
    }
}

/// What the stack may take in on `device`: what is about a virtual address comes in by the carp
/// device, which gets what was sent to the virtual MAC address, or not at all.
pub(super) fn input(guard: &Guard, device: &NetDevice, packet: &SkBuff) -> bool {
    let Some(arp) = Arp::read(packet) else {
        return true;
    };
    match owner::of(guard, device, arp.target_ip) {
        Some((vhost, owner)) => owner.is(device) && vhost.is_master(),
        None => true,
    }
}

/// What the stack may send by `device`: a question in the name of a virtual address, with another MAC
/// address than the virtual one, would teach the neighbours that MAC address, so it is asked in the
/// name of the interface.
pub(super) fn output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool {
    let Some(arp) = Arp::read(packet) else {
        return true;
    };
    let Some((vhost, _)) = owner::of(guard, device, arp.sender_ip) else {
        return true;
    };
    if arp.sender_mac == vhost.mac() {
        return vhost.is_master();
    }
    if !arp.is_request {
        return false;
    }
    let is_own = |address: &Ipv4| owner::of(guard, device, *address).is_none();
    // An address of 0.0.0.0 is answered too, and teaches nobody anything. But whoever probes whether
    // it can have the target (RFC 5227) takes it for another one that wants it.
    let own = inet::addresses_rcu(guard, device)
        .find(is_own)
        .or_else(|| inet::addresses_of_domain_rcu(guard, device).find(is_own))
        .unwrap_or_default();
    packet.write_network(SENDER_IP_OFFSET, &own).is_ok()
}
