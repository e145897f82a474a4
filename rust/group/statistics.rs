// SPDX-License-Identifier: GPL-2.0
//! Counters of adverts that belong to no virtual host.

use crate::proto::carp::advert::Reject;
use kernel::sync::atomic::{Atomic, Relaxed};

/// The counters of one parent.
pub(crate) struct ParentCounters {
    pub(crate) bad_len: Atomic<u64>,
    pub(crate) bad_ttl: Atomic<u64>,
    pub(crate) bad_version: Atomic<u64>,
    pub(crate) bad_checksum: Atomic<u64>,
    pub(crate) bad_vhid: Atomic<u64>,
}

impl ParentCounters {
    pub(crate) const fn new() -> Self {
        Self {
            bad_len: Atomic::new(0),
            bad_ttl: Atomic::new(0),
            bad_version: Atomic::new(0),
            bad_checksum: Atomic::new(0),
            bad_vhid: Atomic::new(0),
        }
    }

    pub(crate) fn count(&self, reject: Reject) {
        let counter = match reject {
            Reject::Length => &self.bad_len,
            Reject::Ttl => &self.bad_ttl,
            Reject::Version => &self.bad_version,
            Reject::Checksum => &self.bad_checksum,
            Reject::Vhid => &self.bad_vhid,
            // Found by a virtual host: see `vhost::statistics`.
            Reject::Auth | Reject::OwnAdvert | Reject::Replay => return,
        };
        counter.fetch_add(1, Relaxed);
    }
}
