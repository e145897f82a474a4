// SPDX-License-Identifier: GPL-2.0
//! The packets and frames around an advert that is sent to everybody on the link.

use super::super::link::bytes::concat;
use super::super::link::ipv4::{self, Envelope, Malformed};
use super::super::link::ipv6::{self, Packet};
use super::super::link::mac::virtual_mac;
use super::super::link::TTL;
use super::advert::{Advert, Reject, Source};

/// The IP protocol number, which CARP shares with VRRP.
pub const IP_PROTOCOL: u8 = 112;
/// Where adverts over IPv4 are sent to.
pub const GROUP_V4: ipv4::Address = [224, 0, 0, 18];
/// The Ethernet address of [`GROUP_V4`].
pub const GROUP_MAC_V4: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12];
/// Length in bytes of what [`frame_v4`] returns: Ethernet 14, IPv4 20, CARP 36.
pub const FRAME_V4_LEN: usize = 70;
/// Where adverts over IPv6 are sent to.
pub const GROUP_V6: ipv6::Address = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];
/// The Ethernet address of [`GROUP_V6`].
pub const GROUP_MAC_V6: [u8; 6] = ipv6::group_mac(&GROUP_V6);
/// Length in bytes of what [`frame_v6`] returns: Ethernet 14, IPv6 40, CARP 36.
pub const FRAME_V6_LEN: usize = 90;
/// The length at which a caller of [`parse_ipv4`] or [`parse_ipv6`] may cut a packet: it holds the
/// longest IPv4 header and an advert. A packet shorter than this is taken to be whole.
pub const HEAD_LEN: usize = 128;

/// Total length of the datagram that [`frame_v4`] makes.
const IPV4_TOTAL_LEN: u16 = 56;
/// What follows the header of the datagram that [`frame_v6`] makes.
const IPV6_PAYLOAD_LEN: u16 = 36;
/// Low delay, as OpenBSD, NetBSD and DragonFly send; over IPv6 nobody does.
const TOS: u8 = 0x10;

/// Reads an advert out of an IPv4 packet.
///
/// `packet` begins with the IPv4 header. It may be longer than the datagram (Ethernet padding), and
/// cut at [`HEAD_LEN`] bytes. `Ok(None)`: not an advert to [`GROUP_V4`], and so not for this
/// module; that includes what is too short to tell.
///
/// # Errors
///
/// In this order: [`Reject::Length`], [`Reject::Checksum`] of the IPv4 header, [`Reject::Ttl`],
/// and those of [`Advert::parse`].
pub fn parse_ipv4(packet: &[u8]) -> Result<Option<(Source, Advert)>, Reject> {
    let Some(header) = ipv4::Header::read(packet) else {
        return Ok(None);
    };
    if header.protocol != IP_PROTOCOL || header.destination != GROUP_V4 {
        return Ok(None);
    }
    let payload = match header.payload(packet, packet.len() < HEAD_LEN) {
        Ok(payload) => payload,
        Err(Malformed::Length) => return Err(Reject::Length),
        Err(Malformed::Checksum) => return Err(Reject::Checksum),
    };
    if header.ttl != TTL {
        return Err(Reject::Ttl);
    }
    let advert = Advert::parse(payload)?;
    Ok(Some((Source::V4(header.source), advert)))
}

/// Reads an advert out of an IPv6 packet, as [`parse_ipv4`] does. One with extension headers is not
/// for this module: no system sends any.
///
/// # Errors
///
/// In this order: [`Reject::Length`], [`Reject::Ttl`], and those of [`Advert::parse`].
pub fn parse_ipv6(packet: &[u8]) -> Result<Option<(Source, Advert)>, Reject> {
    let is_whole = packet.len() < HEAD_LEN;
    let Some(packet) = Packet::read(packet) else {
        return Ok(None);
    };
    if packet.next_header != IP_PROTOCOL || packet.destination != GROUP_V6 {
        return Ok(None);
    }
    if is_whole && packet.payload.len() < packet.payload_len {
        return Err(Reject::Length);
    }
    if packet.hop_limit != TTL {
        return Err(Reject::Ttl);
    }
    let advert = Advert::parse(packet.payload)?;
    Ok(Some((Source::V6(packet.source), advert)))
}

/// The Ethernet frame for an advert over IPv4: from the virtual MAC of its vhid to
/// [`GROUP_MAC_V4`], from `source` to [`GROUP_V4`].
pub fn frame_v4(source: ipv4::Address, ip_id: u16, advert: &Advert) -> [u8; FRAME_V4_LEN] {
    let envelope = Envelope {
        macs: (virtual_mac(advert.vhid), GROUP_MAC_V4),
        tos: TOS,
        id: ip_id,
        protocol: IP_PROTOCOL,
        source,
        destination: GROUP_V4,
        total_len: IPV4_TOTAL_LEN,
    };
    concat(&[&envelope.headers(), &advert.emit()])
}

/// The Ethernet frame for an advert over IPv6: from the virtual MAC of its vhid to
/// [`GROUP_MAC_V6`], from `source` to [`GROUP_V6`].
pub fn frame_v6(source: ipv6::Address, advert: &Advert) -> [u8; FRAME_V6_LEN] {
    let headers = ipv6::headers(
        advert.vhid,
        &GROUP_MAC_V6,
        &source,
        &GROUP_V6,
        IP_PROTOCOL,
        IPV6_PAYLOAD_LEN,
    );
    concat(&[&headers, &advert.emit()])
}
