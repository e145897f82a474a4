// SPDX-License-Identifier: GPL-2.0
//! What a MASTER says of its addresses by ARP and Neighbour Discovery.
//!
//! Context: under RCU; any but hard interrupts. No locks.

use crate::{
    proto::link::nd,
    sys::{
        inet::{self, ArpOperation, Ipv4},
        inet6::{self, Ipv6},
        net_device::{Mac, NetDevice},
        skb,
    },
};
use kernel::sync::rcu::Guard;

/// Tells the neighbours on `parent` that `address` is at `mac`.
pub(crate) fn v4(parent: &NetDevice, mac: &Mac, address: Ipv4) {
    inet::send_arp(parent, ArpOperation::Request, mac, address, None, address);
}

/// Tells the neighbours on `parent` that `address` of `device` is at the virtual MAC address of
/// `vhid`. With `to`, tells only that neighbour, which has asked.
pub(crate) fn v6(
    guard: &Guard,
    parent: &NetDevice,
    vhid: u8,
    device: &NetDevice,
    address: &Ipv6,
    to: Option<(&Mac, &Ipv6)>,
) {
    let is_router = inet6::forwards(guard, device);
    let frame = nd::advertisement(vhid, address, to, is_router);
    // Whoever asked will ask again.
    let _ = skb::send_frame(parent, &frame);
}
