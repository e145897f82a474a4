// SPDX-License-Identifier: GPL-2.0
//! The digest of the adverts of a virtual host, from the kernel's HMAC.

use crate::{
    proto::carp::auth::{self, Digest},
    sys::{
        hmac::{HmacSha1, Key},
        inet::Ipv4,
        inet6::Ipv6,
    },
};

impl auth::Hmac for HmacSha1 {
    fn update(&mut self, data: &[u8]) {
        HmacSha1::update(self, data);
    }

    fn finish(self) -> [u8; 20] {
        HmacSha1::finish(self)
    }
}

/// A digest before any address is hashed.
pub(crate) struct Unhashed {
    keyed: HmacSha1,
    vhid: u8,
}

impl Unhashed {
    pub(crate) fn new(key: &Key, vhid: u8) -> Self {
        Self {
            keyed: HmacSha1::new(key.bytes()),
            vhid,
        }
    }

    /// The digest over these addresses, which this sorts. There may be many, so this is called
    /// without a lock.
    pub(crate) fn of(self, v4: &mut [Ipv4], v6: &mut [Ipv6]) -> Digest<HmacSha1> {
        Digest::new(self.keyed, self.vhid, v4, v6)
    }
}
