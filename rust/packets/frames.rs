// SPDX-License-Identifier: GPL-2.0
//! The packets of a parent, as they come in and right before they leave.
//!
//! Context: softirqs off, under RCU. No locks, except for those of the virtual host that an advert
//! is for.

use super::{arp, arrival, nd, owner};
use crate::{
    group::{carp_if::CarpIf, parent::Parent},
    proto::{
        carp::{
            advert::{Advert, Reject, Source},
            envelope,
        },
        link::mac,
    },
    sys::{
        hook::{FrameHook, Verdict},
        net_device::{Mac, NetDevice},
        skb::{Protocol, SkBuff},
    },
};
use kernel::sync::{rcu::Guard, ArcBorrow};

/// What there is to know about an advert lies in this many bytes of its packet.
const HEAD_LEN: usize = envelope::HEAD_LEN;

impl FrameHook for Parent {
    fn device(&self) -> &NetDevice {
        self.device()
    }

    fn concerns(destination: &Mac) -> bool {
        mac::is_group(destination) || mac::vhid_of_mac(destination).is_some()
    }

    fn ingress<'a>(&'a self, guard: &'a Guard, packet: &mut SkBuff) -> Verdict<'a> {
        ingress(self, guard, packet)
    }

    fn egress(&self, guard: &Guard, packet: &mut SkBuff) -> bool {
        egress(self, guard, packet)
    }

    fn bridged(&self, guard: &Guard, destination: &Mac) -> Option<&NetDevice> {
        bridged(self, guard, destination)
    }

    fn redirects_no_more(this: ArcBorrow<'_, Self>) {
        this.redirects_no_more();
    }
}

/// A packet that `parent` has received.
///
/// The carp device of a MASTER receives what is addressed to its virtual MAC address. Everything
/// else goes on to the parent's own stack or, if the parent is a port, to its bridge. An accepted
/// advert goes on only if anybody wants it: the stack would answer that it knows no such protocol.
fn ingress<'a>(parent: &'a Parent, guard: &'a Guard, packet: &mut SkBuff) -> Verdict<'a> {
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
    if let Some(vhid) = mac::vhid_of_mac(&destination) {
        let Some(vhost) = carp_if.get(vhid).filter(|vhost| vhost.is_master()) else {
            return Verdict::Accept;
        };
        if nd::hear(guard, parent, packet) {
            return Verdict::Consume;
        }
        let Some(device) = vhost.device().get(guard) else {
            return Verdict::Accept;
        };
        if !arrival::route(guard, parent.device(), device, packet) {
            return Verdict::Drop;
        }
        return Verdict::Deliver(device);
    }
    let is_accepted = match packet.protocol() {
        Protocol::Ipv4 if destination == envelope::GROUP_MAC_V4 => {
            hear(parent, carp_if, guard, packet, envelope::parse_ipv4)
        }
        Protocol::Ipv6 if destination == envelope::GROUP_MAC_V6 => {
            hear(parent, carp_if, guard, packet, envelope::parse_ipv6)
        }
        Protocol::Arp => {
            arp::hear(guard, parent.device(), packet);
            false
        }
        Protocol::Ipv6 => {
            nd::hear(guard, parent, packet);
            false
        }
        _ => false,
    };
    if is_accepted && !packet.has_readers(guard, parent.device(), envelope::IP_PROTOCOL) {
        return Verdict::Consume;
    }
    Verdict::Accept
}

/// A frame to `destination` crosses a bridge. Returns the parent if the frame is for a MASTER on
/// it.
fn bridged<'a>(parent: &'a Parent, guard: &Guard, destination: &Mac) -> Option<&'a NetDevice> {
    mac::vhid_of_mac(destination)
        .and_then(|vhid| parent.carp_if(guard)?.get(vhid))
        .is_some_and(|vhost| vhost.is_master())
        .then(|| parent.device())
}

/// How an advert is read, if a packet is one.
type Parse = fn(&[u8]) -> Result<Option<(Source, Advert)>, Reject>;

/// `parent` has received a packet that may be an advert. True: a virtual host has accepted it.
fn hear(parent: &Parent, carp_if: &CarpIf, guard: &Guard, packet: &SkBuff, parse: Parse) -> bool {
    let mut buffer = [0; HEAD_LEN];
    let Some(bytes) = packet.read_network(&mut buffer) else {
        return false;
    };
    let reject = match parse(bytes) {
        Ok(None) => return false,
        Ok(Some((from, advert))) => match carp_if.get(advert.vhid) {
            Some(vhost) => return vhost.advert_received(guard, from, &advert),
            None => Reject::Vhid,
        },
        Err(reject) => reject,
    };
    parent.counters.count(reject);
    false
}

/// A packet that `parent` is about to send. If its source is an address of a MASTER on `parent`,
/// the packet gets the virtual MAC address as source. NAT may have put that address there. On
/// another link the address may be another host's. False: drop the packet.
fn egress(parent: &Parent, guard: &Guard, packet: &mut SkBuff) -> bool {
    // A VLAN on the parent is another link.
    if packet.has_vlan_tag() {
        return true;
    }
    let parent = parent.device();
    let master = match packet.protocol() {
        Protocol::Ipv4 => packet
            .ipv4_addresses()
            .and_then(|(source, _)| owner::master_on_link(guard, parent, source)),
        Protocol::Ipv6 => packet
            .ipv6_addresses()
            .and_then(|(source, _)| owner::master_on_link(guard, parent, source)),
        _ => None,
    };
    let Some(master) = master else {
        return true;
    };
    let own = master.mac();
    let is_done = packet.ethernet().is_some_and(|(_, mac)| mac == own)
        || packet.set_ethernet_source(&own).is_ok();
    if !is_done {
        master.device.count_not_sent();
    }
    is_done
}
