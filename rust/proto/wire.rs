// SPDX-License-Identifier: GPL-2.0
//! The bytes on the wire: a CARP version 2 advert, and the frames that carry it, over IPv4 or IPv6.
//!
//! ```text
//!  0               1               2               3
//! +-------+-------+---------------+---------------+---------------+
//! |  2    |  1    |     vhid      |    advskew    |  authlen = 7  |
//! +-------+-------+---------------+---------------+---------------+
//! |    demotion   |    advbase    |           checksum            |
//! +---------------+---------------+-------------------------------+
//! |                                                               |
//! +                       counter (64 bits)                       +
//! |                                                               |
//! +---------------------------------------------------------------+
//! |                    HMAC-SHA1 (5 x 32 bits)                    |
//! +---------------------------------------------------------------+
//! ```
//!
//! The layout is OpenBSD's `struct carp_header`; all fields are big-endian. The other BSDs send 0
//! in the byte that is `demotion` here, and ignore it. The checksum is the Internet checksum over
//! these 36 bytes, without a pseudo header over IPv6 too: only NetBSD has one there. The digest covers version, type, vhid, counter and the
//! virtual addresses (see [`auth`](super::auth)), but neither advskew nor advbase nor demotion:
//! that is how CARP version 2 is, and why an advert in transit must be kept to one link (TTL 255).
//!
//! Nobody checks authlen, so neither does [`Advert::parse`].

use super::ipv6::{self, Address, Packet};

/// Length of an advert in bytes.
pub const ADVERT_LEN: usize = 36;
/// The IP protocol number, which CARP shares with VRRP.
pub const IP_PROTOCOL: u8 = 112;
/// The TTL that every advert is sent with, and without which none is accepted: it proves that no
/// router forwarded it.
pub const TTL: u8 = 255;
/// Where adverts over IPv4 are sent to.
pub const GROUP_V4: [u8; 4] = [224, 0, 0, 18];
/// The Ethernet address of [`GROUP_V4`].
pub const GROUP_MAC_V4: [u8; 6] = [0x01, 0x00, 0x5e, 0x00, 0x00, 0x12];
/// Length in bytes of what [`frame_v4`] returns: Ethernet 14, IPv4 20, CARP 36.
pub const FRAME_V4_LEN: usize = 70;
/// Where adverts over IPv6 are sent to.
pub const GROUP_V6: Address = [0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x12];
/// The Ethernet address of [`GROUP_V6`].
pub const GROUP_MAC_V6: [u8; 6] = ipv6::group_mac(&GROUP_V6);
/// Length in bytes of what [`frame_v6`] returns: Ethernet 14, IPv6 40, CARP 36.
pub const FRAME_V6_LEN: usize = 90;
/// The length at which a caller of [`parse_ipv4`] or [`parse_ipv6`] may cut a packet: it holds the
/// longest IPv4 header and an advert. A packet shorter than this is taken to be whole.
pub const HEAD_LEN: usize = 128;

/// Version 2 in the high nibble, type 1 (advertisement) in the low one.
const VERSION_TYPE: u8 = 0x21;
/// Counter and digest in 32-bit words.
const AUTH_LEN: u8 = 7;
const IPV4_HEADER_LEN: usize = 20;
/// Total length of the datagram that [`frame_v4`] makes.
const IPV4_TOTAL_LEN: u16 = 56;
/// What follows the header of the datagram that [`frame_v6`] makes.
const IPV6_PAYLOAD_LEN: u16 = 36;
/// Low delay, as OpenBSD, NetBSD and DragonFly send; over IPv6 nobody does.
const TOS: u8 = 0x10;
const DONT_FRAGMENT: [u8; 2] = [0x40, 0x00];
/// The bits of the fragment word that are zero in an unfragmented datagram: "more fragments" and
/// the offset.
const FRAGMENTED: u16 = 0x3fff;
const ETHERTYPE_IPV4: [u8; 2] = [0x08, 0x00];

/// Why an advert was not accepted. Each cause has a counter of its own; none changes any state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reject {
    /// Too short, a fragment, or lengths that contradict each other; state unchanged.
    Length,
    /// The TTL or hop limit is not 255: it came through a router; state unchanged.
    Ttl,
    /// Neither CARP version 2 nor type 1 (VRRP uses the same protocol number); state unchanged.
    Version,
    /// The checksum of the advert or of the IPv4 header is wrong; state unchanged.
    Checksum,
    /// Not the vhid of this machine; state unchanged.
    Vhid,
    /// The digest is not ours: another key or other addresses; state unchanged.
    Auth,
    /// An advert of this node came back to it; state unchanged.
    OwnAdvert,
    /// An advert that a peer sent before, or in strict mode one that may be; state unchanged.
    Replay,
}

/// Where an advert came from. The order is the numeric one, and decides between equal masters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// An IPv4 address in network order.
    V4([u8; 4]),
    /// An IPv6 address in network order.
    V6([u8; 16]),
}

/// What the own adverts are sent from, in each family in which there are any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sources {
    /// Over IPv4; 0.0.0.0 if this node has no address.
    pub v4: Option<[u8; 4]>,
    /// Over IPv6.
    pub v6: Option<Address>,
}

impl Sources {
    /// That in the family of `other`; the unspecified address if there is none.
    pub fn like(&self, other: Source) -> Source {
        match other {
            Source::V4(_) => Source::V4(self.v4.unwrap_or_default()),
            Source::V6(_) => Source::V6(self.v6.unwrap_or_default()),
        }
    }
}

/// The virtual MAC address of `vhid`, for both address families.
pub const fn virtual_mac(vhid: u8) -> [u8; 6] {
    [0x00, 0x00, 0x5e, 0x00, 0x01, vhid]
}

/// The vhid whose virtual MAC address `mac` is, if it is one.
pub const fn vhid_of_mac(mac: &[u8; 6]) -> Option<u8> {
    match *mac {
        [0x00, 0x00, 0x5e, 0x00, 0x01, vhid] if vhid != 0 => Some(vhid),
        _ => None,
    }
}

/// A CARP advert: what its 36 bytes say.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advert {
    /// The virtual host, 1..=255. Not checked here: it finds its receiver, or none.
    pub vhid: u8,
    /// 1/256 s, 0..=254 (demotion included); 255 only when leaving.
    pub advskew: u8,
    /// OpenBSD's demotion count; 0 from the other BSDs.
    pub demote: u8,
    /// Seconds, 0..=255.
    pub advbase: u8,
    /// See [`counter`](super::counter).
    pub counter: u64,
    /// HMAC-SHA1, see [`auth`](super::auth).
    pub digest: [u8; 20],
}

impl Advert {
    /// Reads an advert from the start of `bytes`; what follows it is ignored, as the BSDs do.
    ///
    /// # Errors
    ///
    /// [`Reject::Version`] is found first, so that VRRP is named for what it is whatever its
    /// length; then [`Reject::Length`] and [`Reject::Checksum`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Reject> {
        match bytes.first() {
            Some(&VERSION_TYPE) => (),
            Some(_) => return Err(Reject::Version),
            None => return Err(Reject::Length),
        }
        let Some(advert) = bytes.first_chunk::<ADVERT_LEN>() else {
            return Err(Reject::Length);
        };
        if checksum(advert) != 0 {
            return Err(Reject::Checksum);
        }
        let [_, vhid, advskew, _, demote, advbase, _, _, rest @ ..] = *advert;
        let [c0, c1, c2, c3, c4, c5, c6, c7, digest @ ..] = rest;
        Ok(Self {
            vhid,
            advskew,
            demote,
            advbase,
            counter: u64::from_be_bytes([c0, c1, c2, c3, c4, c5, c6, c7]),
            digest,
        })
    }

    /// The advert as it is sent, checksum included.
    pub fn emit(&self) -> [u8; ADVERT_LEN] {
        let with = |checksum: [u8; 2]| -> [u8; ADVERT_LEN] {
            concat(&[
                &[VERSION_TYPE, self.vhid, self.advskew, AUTH_LEN],
                &[self.demote, self.advbase],
                &checksum,
                &self.counter.to_be_bytes(),
                &self.digest,
            ])
        };
        with(checksum(&with([0; 2])).to_be_bytes())
    }

    /// Whether the sender says with it that it stops being MASTER: advbase and advskew 255, which
    /// cannot be configured.
    pub const fn is_leaving(&self) -> bool {
        self.advbase == u8::MAX && self.advskew == u8::MAX
    }
}

/// Reads an advert out of an IPv4 packet.
///
/// `packet` begins with the IPv4 header. It may be longer than the datagram (Ethernet padding),
/// and cut at [`HEAD_LEN`] bytes. `Ok(None)`: not an advert to [`GROUP_V4`], nobody's business
/// here; that includes what is too short to tell.
///
/// # Errors
///
/// In this order: [`Reject::Length`], [`Reject::Checksum`] of the IPv4 header, [`Reject::Ttl`],
/// and those of [`Advert::parse`].
pub fn parse_ipv4(packet: &[u8]) -> Result<Option<(Source, Advert)>, Reject> {
    let Some(fixed) = packet.first_chunk::<IPV4_HEADER_LEN>() else {
        return Ok(None);
    };
    let [version_ihl, _, l0, l1, _, _, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, group @ ..] =
        *fixed;
    if version_ihl >> 4 != 4 || protocol != IP_PROTOCOL || group != GROUP_V4 {
        return Ok(None);
    }

    let header_len = usize::from(version_ihl & 0x0f).wrapping_mul(4);
    let total_len = usize::from(u16::from_be_bytes([l0, l1]));
    let Some((header, rest)) = packet.split_at_checked(header_len) else {
        return Err(Reject::Length);
    };
    let Some(payload_len) = total_len.checked_sub(header_len) else {
        return Err(Reject::Length);
    };
    if header_len < IPV4_HEADER_LEN
        || (total_len > packet.len() && packet.len() < HEAD_LEN)
        || u16::from_be_bytes([f0, f1]) & FRAGMENTED != 0
    {
        return Err(Reject::Length);
    }
    if checksum(header) != 0 {
        return Err(Reject::Checksum);
    }
    if ttl != TTL {
        return Err(Reject::Ttl);
    }
    // Without the padding, lest an advert be read from behind the end of the datagram.
    let payload = rest.get(..payload_len).unwrap_or(rest);
    let advert = Advert::parse(payload)?;
    Ok(Some((Source::V4([s0, s1, s2, s3]), advert)))
}

/// Reads an advert out of an IPv6 packet, as [`parse_ipv4`] does. One with extension headers is
/// nobody's business here: no system sends any.
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
pub fn frame_v4(source: [u8; 4], ip_id: u16, advert: &Advert) -> [u8; FRAME_V4_LEN] {
    let header = |checksum: [u8; 2]| -> [u8; IPV4_HEADER_LEN] {
        concat(&[
            &[0x45, TOS],
            &IPV4_TOTAL_LEN.to_be_bytes(),
            &ip_id.to_be_bytes(),
            &DONT_FRAGMENT,
            &[TTL, IP_PROTOCOL],
            &checksum,
            &source,
            &GROUP_V4,
        ])
    };
    concat(&[
        &GROUP_MAC_V4,
        &virtual_mac(advert.vhid),
        &ETHERTYPE_IPV4,
        &header(checksum(&header([0; 2])).to_be_bytes()),
        &advert.emit(),
    ])
}

/// The Ethernet frame for an advert over IPv6: from the virtual MAC of its vhid to
/// [`GROUP_MAC_V6`], from `source` to [`GROUP_V6`].
pub fn frame_v6(source: Address, advert: &Advert) -> [u8; FRAME_V6_LEN] {
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

/// The Internet checksum (RFC 1071) over `bytes`; 0 over bytes that hold a right one.
fn checksum(bytes: &[u8]) -> u16 {
    !sum(0, bytes)
}

/// `so_far` and the one's complement sum of the 16-bit words of `bytes`, a last odd byte being the
/// high one of a word.
pub fn sum(so_far: u16, bytes: &[u8]) -> u16 {
    bytes.chunks(2).fold(so_far, |sum, word| {
        let word = match *word {
            [high, low] => u16::from_be_bytes([high, low]),
            [high] => u16::from_be_bytes([high, 0]),
            _ => 0,
        };
        let (sum, carry) = sum.overflowing_add(word);
        sum.wrapping_add(u16::from(carry))
    })
}

/// `parts` one behind the other. They are as long together as the array; that the callers here
/// keep to it is tested, since nothing here may panic.
pub(super) fn concat<const LEN: usize>(parts: &[&[u8]]) -> [u8; LEN] {
    let mut whole = [0; LEN];
    for (to, from) in whole.iter_mut().zip(parts.iter().copied().flatten()) {
        *to = *from;
    }
    whole
}
