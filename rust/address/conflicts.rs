// SPDX-License-Identifier: GPL-2.0
//! Duplicate addresses: a stranger claims an address of a MASTER. The stranger is left alone, and
//! the administrator is told.
//!
//! Context: any.

use crate::sys::{
    clock::RateLimit,
    log,
    net_device::{Mac, NetDevice},
};
use core::net::IpAddr;
use kernel::prelude::*;

/// The log has at most one notice in this time, however often the stranger claims the address.
const QUIET_NS: u64 = 10_000_000_000;

/// The notices about one carp device.
pub(crate) struct Conflicts(RateLimit);

impl Conflicts {
    pub(crate) const fn new() -> Self {
        Self(RateLimit::new(QUIET_NS))
    }

    /// A stranger with `mac` claims `address` of `device`.
    pub(crate) fn claimed(&self, device: &NetDevice, address: IpAddr, mac: &Mac) {
        if !self.0.is_due() {
            return;
        }
        let [a, b, c, d, e, f] = *mac;
        log::notice(
            device,
            fmt!(
                "duplicate address {address:?}, claimed by {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"
            ),
        );
    }
}
