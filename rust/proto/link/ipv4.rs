// SPDX-License-Identifier: GPL-2.0
//! IPv4 as far as it is needed here: the header, both ways.

use super::bytes::{checksum, concat};
use super::TTL;

/// An address in network order.
pub type Address = [u8; 4];

/// Length of a header without options.
pub const HEADER_LEN: usize = 20;

const ETHERTYPE: [u8; 2] = [0x08, 0x00];
const DONT_FRAGMENT: [u8; 2] = [0x40, 0x00];
/// The bits of the fragment word that are zero in an unfragmented datagram: "more fragments" and
/// the offset.
const FRAGMENTED: u16 = 0x3fff;

/// Why a datagram cannot be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Malformed {
    /// A fragment, or lengths that contradict each other.
    Length,
    /// The checksum of the header is wrong.
    Checksum,
}

/// The header of a datagram, read but for its options.
pub struct Header {
    /// What follows it.
    pub protocol: u8,
    /// Time to live.
    pub ttl: u8,
    /// Who sent it.
    pub source: Address,
    /// Whom it is for.
    pub destination: Address,
    header_len: usize,
    total_len: usize,
    is_fragment: bool,
}

impl Header {
    /// `None`: too short to tell, or not IPv4.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let fixed = packet.first_chunk::<HEADER_LEN>()?;
        let [version_ihl, _, l0, l1, _, _, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, destination @ ..] =
            *fixed;
        (version_ihl >> 4 == 4).then_some(Self {
            protocol,
            ttl,
            source: [s0, s1, s2, s3],
            destination,
            header_len: usize::from(version_ihl & 0x0f).wrapping_mul(4),
            total_len: usize::from(u16::from_be_bytes([l0, l1])),
            is_fragment: u16::from_be_bytes([f0, f1]) & FRAGMENTED != 0,
        })
    }

    /// What follows the header in `packet`, without the padding of a short frame. The header was
    /// read from the same packet. If `is_whole` is false, the packet may have been cut.
    ///
    /// # Errors
    ///
    /// In the order of [`Malformed`].
    pub fn payload<'a>(&self, packet: &'a [u8], is_whole: bool) -> Result<&'a [u8], Malformed> {
        let (header, rest) = packet
            .split_at_checked(self.header_len)
            .ok_or(Malformed::Length)?;
        let payload_len = self
            .total_len
            .checked_sub(self.header_len)
            .ok_or(Malformed::Length)?;
        let is_short = is_whole && self.total_len > packet.len();
        if self.header_len < HEADER_LEN || is_short || self.is_fragment {
            return Err(Malformed::Length);
        }
        if checksum(header) != 0 {
            return Err(Malformed::Checksum);
        }
        Ok(rest.get(..payload_len).unwrap_or(rest))
    }
}

/// The headers of a datagram that stays on the link.
pub struct Envelope {
    /// Ethernet source and destination.
    pub macs: ([u8; 6], [u8; 6]),
    /// Type of service.
    pub tos: u8,
    /// Identification.
    pub id: u16,
    /// What follows.
    pub protocol: u8,
    /// Who sends it.
    pub source: Address,
    /// Whom it is for.
    pub destination: Address,
    /// Its length in bytes, header included.
    pub total_len: u16,
}

impl Envelope {
    /// The Ethernet and IPv4 headers.
    pub fn headers(&self) -> [u8; 34] {
        let header = |checksum: [u8; 2]| -> [u8; HEADER_LEN] {
            concat(&[
                &[0x45, self.tos],
                &self.total_len.to_be_bytes(),
                &self.id.to_be_bytes(),
                &DONT_FRAGMENT,
                &[TTL, self.protocol],
                &checksum,
                &self.source,
                &self.destination,
            ])
        };
        let (source, destination) = &self.macs;
        let checksum = checksum(&header([0; 2])).to_be_bytes();
        concat(&[destination, source, &ETHERTYPE, &header(checksum)])
    }
}
