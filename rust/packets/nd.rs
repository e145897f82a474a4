// SPDX-License-Identifier: GPL-2.0
//! Neighbour Discovery for the virtual addresses.
//!
//! Linux answers for an IPv6 address only on the device that has it. That is the carp device, and
//! it hears no multicast that the parent receives, except for router solicitations. So the MASTER
//! answers here, as [`arp`](super::arp) does. It also answers what is sent to the virtual MAC
//! address. The carp device would not answer that while the address is marked as not to be used.
//!
//! Solicitations of this host need no change: the parent sends them from an address of its own.
//!
//! Context: softirqs off, under RCU. No locks.

use super::owner::{self, Master};
use crate::{
    address::announce,
    group::{carp_device::CarpDevice, parent::Parent},
    proto::link::{
        ipv6,
        nd::{self, Message},
    },
    sys::{
        inet6::{self, Ipv6},
        link,
        net_device::Mac,
        skb::{Protocol, SkBuff},
    },
};
use kernel::sync::rcu::Guard;

/// `parent` has received a packet. If the packet asks for or claims an address of a MASTER on
/// `parent`, answers it, or notes a duplicate address. True: nobody else need see the packet.
pub(crate) fn hear(guard: &Guard, parent: &Parent, packet: &SkBuff) -> bool {
    if packet.protocol() != Protocol::Ipv6 || packet.ipv6_next_header() != nd::ICMPV6 {
        return false;
    }
    let mut buffer = [0; nd::HEAD_LEN];
    let message = packet.read_network(&mut buffer).and_then(nd::parse);
    let (Some(message), Some((_, sender))) = (message, packet.ethernet()) else {
        return false;
    };
    match message {
        Message::Solicitation {
            source,
            target,
            mac,
        } => {
            let mac = mac.unwrap_or(sender);
            // A solicitation from the unspecified address is DAD: its sender is about to use the
            // target.
            let is_claim = source == ipv6::UNSPECIFIED;
            if let Some(master) = owner::master_on_link(guard, parent.device(), source) {
                claimed(&master, source, &mac);
            }
            let Some(master) = owner::master_on_link(guard, parent.device(), target) else {
                return false;
            };
            if is_claim {
                claimed(&master, target, &mac);
            }
            // A peer that is about to be MASTER is no duplicate.
            if !master.carp.has_mac(&mac) {
                let to = (!is_claim).then_some((&mac, &source));
                advertise(guard, &master, &target, to);
            }
            true
        }
        Message::Advertisement { target, mac } => {
            let Some(master) = owner::master_on_link(guard, parent.device(), target) else {
                return false;
            };
            claimed(&master, target, &mac.unwrap_or(sender));
            true
        }
        Message::RouterSolicitation => {
            pass_on(guard, parent, packet);
            false
        }
    }
}

/// Passes a router solicitation on to the carp devices of MASTERs, for routers that advertise
/// themselves there. A router answers all hosts together, so it need not hear each of them.
fn pass_on(guard: &Guard, parent: &Parent, packet: &SkBuff) {
    if !parent.solicitations.is_due() {
        return;
    }
    parent.device().find_upper_rcu(guard, |upper| {
        let carp = link::of::<CarpDevice>(upper)?;
        if carp.speaker().is_some() && inet6::forwards(guard, upper) {
            packet.copy_to(upper);
        }
        None::<()>
    });
}

/// Answers what was asked about `address`, which `master` has.
fn advertise(guard: &Guard, master: &Master<'_>, address: &Ipv6, to: Option<(&Mac, &Ipv6)>) {
    // The carp device may have become BACKUP since it was asked.
    if let Some(vhid) = master.carp.speaker() {
        let parent = master.carp.parent_device();
        announce::v6(guard, parent, vhid, master.device, address, to);
    }
}

/// `mac` claims `address`, which `master` has.
fn claimed(master: &Master<'_>, address: Ipv6, mac: &Mac) {
    master.carp.claimed(master.device, address.into(), mac);
}
