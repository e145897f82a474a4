// SPDX-License-Identifier: GPL-2.0
//! Neighbour Discovery (RFC 4861), as far as a shared address needs it: solicitations, claims, and
//! the answer.
//!
//! ```text
//!  0               1               2               3
//! +---------------+---------------+-------------------------------+
//! |  135 or 136   |    code = 0   |           checksum            |
//! +-+-+-+---------+---------------+-------------------------------+
//! |R|S|O|                       reserved                          |
//! +-+-+-+---------------------------------------------------------+
//! |                                                               |
//! +                       target (128 bits)                       +
//! |                                                               |
//! +---------------+---------------+-------------------------------+
//! |  1 or 2       | length, 8 = 1 |        a MAC address          |
//! +---------------+---------------+                               +
//! |                                                               |
//! +---------------------------------------------------------------+
//! ```
//!
//! The flags (router, solicited, override) are those of an advertisement. Options follow one
//! another; that with the sender's MAC address is 1 in a solicitation, 2 in an advertisement.

use super::bytes::concat;
use super::ipv6::{self, Address, Packet, ALL_NODES, ALL_ROUTERS, UNSPECIFIED};
use super::mac::virtual_mac;
use super::TTL;

/// The longest message that is read. A longer one holds options that do not matter to a shared
/// address (RFC 3971), and its checksum cannot be verified.
pub const HEAD_LEN: usize = 256;
/// The protocol number of ICMPv6.
pub const ICMPV6: u8 = 58;
/// Length in bytes of what [`advertisement`] returns: Ethernet 14, IPv6 40, ICMPv6 24, option 8.
pub const FRAME_LEN: usize = 86;

const ROUTER_SOLICITATION: u8 = 133;
const SOLICITATION: u8 = 135;
const ADVERTISEMENT: u8 = 136;
const SOURCE_MAC: u8 = 1;
const TARGET_MAC: u8 = 2;
const ROUTER: u8 = 0x80;
const SOLICITED: u8 = 0x40;
const OVERRIDE: u8 = 0x20;
/// Length of an advertisement with the one option.
const PAYLOAD_LEN: u16 = 32;

/// What a neighbour asks or claims about an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message {
    /// Somebody asks for `target`.
    Solicitation {
        /// The sender. Unspecified: it is about to use `target` itself, and asks whether anybody
        /// has it (DAD).
        source: Address,
        /// The address.
        target: Address,
        /// The MAC address of the sender, if it is given.
        mac: Option<[u8; 6]>,
    },
    /// Somebody claims `target`.
    Advertisement {
        /// The address.
        target: Address,
        /// Its MAC address; if there is none, that of the frame.
        mac: Option<[u8; 6]>,
    },
    /// Somebody asks all routers to advertise themselves. It has no target.
    RouterSolicitation,
}

/// Reads a message out of an IPv6 packet, which may be longer than its header says (Ethernet
/// padding). `None`: another packet, or one that RFC 4861 (6.1.1, 7.1.1 and 7.1.2) has ignored.
pub fn parse(packet: &[u8]) -> Option<Message> {
    let packet = Packet::read(packet)?;
    let (source, destination, payload) = (packet.source, packet.destination, packet.payload);
    let (fixed, rest) = payload.split_first_chunk::<8>()?;
    let [kind, code, _, _, flags, _, _, _] = *fixed;
    let is_valid = packet.next_header == ICMPV6
        && packet.hop_limit == TTL
        && packet.payload_len == payload.len()
        && code == 0
        && !ipv6::is_multicast(&source)
        && ipv6::checksum(&source, &destination, ICMPV6, payload) == 0;
    if !is_valid {
        return None;
    }
    let is_nobody = source == UNSPECIFIED;
    if kind == ROUTER_SOLICITATION {
        let is_valid =
            has_whole_options(rest) && !(is_nobody && option(rest, SOURCE_MAC).is_some());
        return (is_valid && destination == ALL_ROUTERS).then_some(Message::RouterSolicitation);
    }
    let (target, options) = rest.split_first_chunk()?;
    if ipv6::is_multicast(target) || !has_whole_options(options) {
        return None;
    }
    match kind {
        SOLICITATION => {
            let mac = option(options, SOURCE_MAC);
            let is_for_group = destination == ipv6::solicited_node(target);
            (!is_nobody || (is_for_group && mac.is_none())).then_some(Message::Solicitation {
                source,
                target: *target,
                mac,
            })
        }
        ADVERTISEMENT => {
            let is_answer = flags & SOLICITED != 0;
            (!is_answer || !ipv6::is_multicast(&destination)).then_some(Message::Advertisement {
                target: *target,
                mac: option(options, TARGET_MAC),
            })
        }
        _ => None,
    }
}

/// The Ethernet frame that says that `address` is at the virtual MAC of `vhid`. It answers `to` a
/// MAC and IPv6 address that has asked, or announces to all nodes.
pub fn advertisement(
    vhid: u8,
    address: &Address,
    to: Option<(&[u8; 6], &Address)>,
    is_router: bool,
) -> [u8; FRAME_LEN] {
    let everybody = ipv6::group_mac(&ALL_NODES);
    let (mac, destination) = to.unwrap_or((&everybody, &ALL_NODES));
    let router = if is_router { ROUTER } else { 0 };
    let solicited = if to.is_some() { SOLICITED } else { 0 };
    let payload = |checksum: [u8; 2]| -> [u8; 32] {
        concat(&[
            &[ADVERTISEMENT, 0],
            &checksum,
            &[router | solicited | OVERRIDE, 0, 0, 0],
            address,
            &[TARGET_MAC, 1],
            &virtual_mac(vhid),
        ])
    };
    let checksum = ipv6::checksum(address, destination, ICMPV6, &payload([0; 2]));
    concat(&[
        &ipv6::headers(vhid, mac, address, destination, ICMPV6, PAYLOAD_LEN),
        &payload(checksum.to_be_bytes()),
    ])
}

/// The first option, and what follows it.
fn next_option(options: &[u8]) -> Option<(&[u8], &[u8])> {
    let len = usize::from(*options.get(1)?).saturating_mul(8);
    // An option of length 0 would be its own successor for ever.
    options.split_at_checked(len).filter(|_| len > 0)
}

fn has_whole_options(mut options: &[u8]) -> bool {
    while let Some((_, rest)) = next_option(options) {
        options = rest;
    }
    options.is_empty()
}

/// The MAC address in the first option of this kind.
fn option(mut options: &[u8], kind: u8) -> Option<[u8; 6]> {
    while let Some((option, rest)) = next_option(options) {
        match *option {
            [found, _, a, b, c, d, e, f] if found == kind => return Some([a, b, c, d, e, f]),
            _ => options = rest,
        }
    }
    None
}
