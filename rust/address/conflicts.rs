// SPDX-License-Identifier: GPL-2.0
//! A stranger that says to have an address of a MASTER: it is left alone, and the administrator told.
//!
//! Context: any.

use crate::sys::{
    clock,
    net_device::{Mac, NetDevice},
};
use core::{
    net::IpAddr,
    sync::atomic::{AtomicU64, Ordering},
};
use kernel::prelude::*;

/// There is one notice in so long a time, however often it says so.
const QUIET_NS: u64 = 10_000_000_000;

/// The notices about one virtual host.
pub(crate) struct Conflicts {
    quiet_until_ns: AtomicU64,
}

impl Conflicts {
    pub(crate) const fn new() -> Self {
        Self {
            quiet_until_ns: AtomicU64::new(0),
        }
    }

    /// Somebody with this MAC address has said to have `address`, which is one of `device`.
    pub(crate) fn notice(&self, device: &NetDevice, address: IpAddr, mac: &Mac) {
        let now_ns = clock::now_ns();
        let until_ns = self.quiet_until_ns.load(Ordering::Relaxed);
        let next_ns = now_ns.saturating_add(QUIET_NS);
        let is_first = now_ns >= until_ns
            && self
                .quiet_until_ns
                .compare_exchange(until_ns, next_ns, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if is_first {
            let [a, b, c, d, e, f] = *mac;
            pr_notice!(
                "{}: {:?} is said to be at {:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x} as well\n",
                device.name(),
                address,
                a,
                b,
                c,
                d,
                e,
                f
            );
        }
    }
}
