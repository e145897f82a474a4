// SPDX-License-Identifier: GPL-2.0
//! Where adverts come from.

use super::link::{ipv4, ipv6};

/// Where an advert came from. The order is the numeric one, and decides between equal masters.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Source {
    /// An IPv4 address in network order.
    V4(ipv4::Address),
    /// An IPv6 address in network order.
    V6(ipv6::Address),
}

/// What this node's adverts are sent from, in each family in which it sends any.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Sources {
    /// Over IPv4; 0.0.0.0 if this node has no address.
    pub v4: Option<ipv4::Address>,
    /// Over IPv6.
    pub v6: Option<ipv6::Address>,
}

impl Sources {
    /// The source in the family of `other`; the unspecified address if there is none.
    pub fn like(&self, other: Source) -> Source {
        match other {
            Source::V4(_) => Source::V4(self.v4.unwrap_or_default()),
            Source::V6(_) => Source::V6(self.v6.unwrap_or_default()),
        }
    }
}
