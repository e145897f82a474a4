// SPDX-License-Identifier: GPL-2.0
//! IPv6 as far as it is needed here: the fixed header, both ways, and what addresses follow from
//! others. Nothing here has extension headers. A packet with any is left to the host's stack.

use super::bytes::{concat, sum};
use super::mac::virtual_mac;
use super::TTL;

/// An address in network order.
pub type Address = [u8; 16];

/// The unspecified address.
pub const UNSPECIFIED: Address = [0; 16];
/// All nodes of a link.
pub const ALL_NODES: Address = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
/// All routers of a link.
pub const ALL_ROUTERS: Address = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2];

const ETHERTYPE: [u8; 2] = [0x86, 0xdd];

/// A packet, read.
pub(in super::super) struct Packet<'a> {
    pub(in super::super) next_header: u8,
    pub(in super::super) hop_limit: u8,
    pub(in super::super) source: Address,
    pub(in super::super) destination: Address,
    /// As the header has it.
    pub(in super::super) payload_len: usize,
    /// What there is after the header, `payload_len` bytes at most.
    pub(in super::super) payload: &'a [u8],
}

impl<'a> Packet<'a> {
    pub(in super::super) fn read(bytes: &'a [u8]) -> Option<Self> {
        let (fixed, rest) = bytes.split_first_chunk::<8>()?;
        let [version, _, _, _, l0, l1, next_header, hop_limit] = *fixed;
        let (source, rest) = rest.split_first_chunk()?;
        let (destination, rest) = rest.split_first_chunk()?;
        let payload_len = usize::from(u16::from_be_bytes([l0, l1]));
        (version >> 4 == 6).then_some(Self {
            next_header,
            hop_limit,
            source: *source,
            destination: *destination,
            payload_len,
            // Without the padding of a short frame.
            payload: rest.get(..payload_len).unwrap_or(rest),
        })
    }
}

/// The Ethernet and IPv6 headers of a packet from the virtual MAC of `vhid` that stays on the link.
pub(in super::super) fn headers(
    vhid: u8,
    destination_mac: &[u8; 6],
    source: &Address,
    destination: &Address,
    next_header: u8,
    payload_len: u16,
) -> [u8; 54] {
    concat(&[
        destination_mac,
        &virtual_mac(vhid),
        &ETHERTYPE,
        &[0x60, 0, 0, 0],
        &payload_len.to_be_bytes(),
        &[next_header, TTL],
        source,
        destination,
    ])
}

/// The Internet checksum over a payload of whole 16-bit words and the pseudo header (RFC 8200
/// section 8.1); 0 if the payload holds a right one.
pub(in super::super) fn checksum(
    source: &Address,
    destination: &Address,
    next_header: u8,
    payload: &[u8],
) -> u16 {
    let len = u16::try_from(payload.len()).unwrap_or(0).to_be_bytes();
    let addresses = sum(sum(0, source), destination);
    let rest = sum(sum(addresses, &len), &[0, next_header]);
    !sum(rest, payload)
}

/// fe80::/10.
pub const fn is_link_local(address: &Address) -> bool {
    matches!(*address, [0xfe, second, ..] if second & 0xc0 == 0x80)
}

/// ff00::/8.
pub const fn is_multicast(address: &Address) -> bool {
    matches!(*address, [0xff, ..])
}

/// The link-local address that follows from a MAC address (RFC 4291 appendix A).
pub const fn link_local_of(mac: &[u8; 6]) -> Address {
    let [a, b, c, d, e, f] = *mac;
    [
        0xfe,
        0x80,
        0,
        0,
        0,
        0,
        0,
        0,
        a ^ 2,
        b,
        c,
        0xff,
        0xfe,
        d,
        e,
        f,
    ]
}

/// The group to which solicitations of an address are sent (RFC 4291 section 2.7.1).
pub const fn solicited_node(address: &Address) -> Address {
    let [.., a, b, c] = *address;
    [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, a, b, c]
}

/// The Ethernet address of a group (RFC 2464 section 7).
pub const fn group_mac(group: &Address) -> [u8; 6] {
    let [.., a, b, c, d] = *group;
    [0x33, 0x33, a, b, c, d]
}
