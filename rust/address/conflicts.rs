// SPDX-License-Identifier: GPL-2.0
//! A stranger that says to have an address of a MASTER: it is left alone, and the administrator told.
//!
//! Context: any.

use crate::{
    group::vhost::Vhost,
    sys::{
        clock::Seldom,
        log,
        net_device::{Mac, NetDevice},
    },
};
use core::net::IpAddr;
use kernel::prelude::*;

/// There is one notice in so long a time, however often the stranger says so.
const QUIET_NS: u64 = 10_000_000_000;

/// The notices about one virtual host.
pub(crate) struct Conflicts(Seldom);

impl Conflicts {
    pub(crate) const fn new() -> Self {
        Self(Seldom::new(QUIET_NS))
    }
}

/// Somebody with this MAC address says to have `address`, which `device` has, that of `vhost`.
pub(super) fn claimed(vhost: &Vhost, device: &NetDevice, address: IpAddr, mac: &Mac) {
    if *mac == vhost.mac() || !vhost.conflicts.0.is_due() {
        return;
    }
    let [a, b, c, d, e, f] = *mac;
    log::notice(
        device,
        fmt!(
            "{address:?} is said to be at {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x} as well"
        ),
    );
}
