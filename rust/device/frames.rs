// SPDX-License-Identifier: GPL-2.0
//! The packets of a parent, as they come in and right before they leave.
//!
//! Context: softirqs off, under RCU. No locks but that of the one virtual host an advert is for.

use crate::{
    address::arp,
    group::{parent::Parent, vhost::Vhost},
    proto::wire,
    sys::{
        hook::Verdict,
        inet::{self, Ipv4},
        net_device::NetDevice,
        route::LocalRoute,
        skb::{Protocol, SkBuff},
    },
};
use kernel::sync::rcu::Guard;

/// What there is to know about an advert lies in this many bytes of its packet.
const HEAD_LEN: usize = wire::HEAD_LEN;

/// A packet that `parent` has received.
///
/// What is addressed to the virtual MAC address of a MASTER is received by its carp device.
/// Everything else goes on to the parent's own stack or, if it is a port, to its bridge: adverts
/// too, which others may want.
pub(crate) fn ingress<'a>(parent: &'a Parent, guard: &'a Guard, packet: &SkBuff) -> Verdict<'a> {
    let Some(carp_if) = parent.carp_if(guard) else {
        return Verdict::Accept;
    };
    // A tag means that the packet is for a VLAN on the parent, not for the parent itself.
    if packet.has_vlan_tag() {
        return Verdict::Accept;
    }
    let Some((destination, _)) = packet.ethernet() else {
        return Verdict::Accept;
    };
    if let Some(vhid) = wire::vhid_of_mac(&destination) {
        let Some(vhost) = carp_if.get(vhid).filter(|vhost| vhost.is_master()) else {
            return Verdict::Accept;
        };
        return match vhost.device().get(guard) {
            Some(device) => Verdict::Deliver(device, way_in(guard, device, vhost, packet)),
            None => Verdict::Accept,
        };
    }
    match packet.protocol() {
        Protocol::Arp => arp::answer(guard, parent.device(), packet),
        Protocol::Ipv4 if destination == wire::GROUP_MAC_V4 => hear(parent, guard, packet),
        _ => (),
    }
    Verdict::Accept
}

/// The route of a packet for one of the addresses of `vhost`, if the tables do not have it yet.
fn way_in<'a>(
    guard: &Guard,
    device: &NetDevice,
    vhost: &'a Vhost,
    packet: &SkBuff,
) -> Option<&'a LocalRoute> {
    let route = vhost.way_in()?;
    if packet.protocol() != Protocol::Ipv4 {
        return None;
    }
    let mut buffer = [0; 20];
    let (_, destination) = packet.read_network(&mut buffer)?.split_last_chunk()?;
    let owner = inet::owner_of(guard, device, *destination)?;
    owner.is(device).then_some(route)
}

/// Maybe an advert.
fn hear(parent: &Parent, guard: &Guard, packet: &SkBuff) {
    let mut buffer = [0; HEAD_LEN];
    let Some(bytes) = packet.read_network(&mut buffer) else {
        return;
    };
    match wire::parse_ipv4(bytes) {
        Ok(None) => (),
        Ok(Some((from, advert))) => {
            match parent
                .carp_if(guard)
                .and_then(|carp_if| carp_if.get(advert.vhid))
            {
                Some(vhost) => vhost.advert_received(guard, from, &advert),
                None => parent.counters.count(wire::Reject::Vhid),
            }
        }
        Err(reject) => parent.counters.count(reject),
    }
}

/// A packet that `parent` is about to send. What this host says from a virtual address comes from
/// the virtual MAC address if it is MASTER, and is not said otherwise. False: drop it.
pub(crate) fn egress(parent: &Parent, guard: &Guard, packet: &mut SkBuff) -> bool {
    if packet.protocol() != Protocol::Ipv4 || packet.was_received() {
        return true;
    }
    let Some(source) = ipv4_source(packet) else {
        return true;
    };
    let Some((vhost, _)) = arp::vhost_of(guard, parent.device(), source) else {
        return true;
    };
    if packet.ethernet().is_some_and(|(_, mac)| mac == vhost.mac()) {
        return true;
    }
    vhost.is_master() && packet.set_ethernet_source(&vhost.mac()).is_ok()
}

fn ipv4_source(packet: &SkBuff) -> Option<Ipv4> {
    let mut buffer = [0; 16];
    let (_, source) = packet.read_network(&mut buffer)?.split_last_chunk()?;
    Some(*source)
}
