// SPDX-License-Identifier: GPL-2.0
//! A CARP version 2 advert: its bytes, and what is known of its sender.
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
//! these 36 bytes, without a pseudo header over IPv6 too: only NetBSD has one there. The digest
//! covers version, type, vhid, counter and the virtual addresses, see [`auth`](super::auth). In
//! CARP version 2 it covers neither advskew nor advbase nor demotion. So an advert must be kept to
//! one link (TTL 255).
//!
//! Nobody checks authlen, so neither does [`Advert::parse`].

use super::super::link::bytes::{checksum, concat};
pub use super::super::source::{Source, Sources};
use super::counter;

/// Length of an advert in bytes.
pub const ADVERT_LEN: usize = 36;
/// Version 2 in the high nibble, type 1 (advertisement) in the low one.
const VERSION_TYPE: u8 = 0x21;
/// Counter and digest in 32-bit words.
const AUTH_LEN: u8 = 7;

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

    /// An identification for the datagram with this advert, which is not fragmented, so any will do
    /// (RFC 6864 section 4.1). It differs from those of the last 16 seconds.
    pub const fn identification(&self) -> u16 {
        counter::ordinal(self.counter)
    }

    /// Whether its sender says that it stops being MASTER: advbase and advskew 255, which cannot be
    /// configured.
    pub const fn is_leaving(&self) -> bool {
        self.advbase == u8::MAX && self.advskew == u8::MAX
    }
}
