// SPDX-License-Identifier: GPL-2.0
//! What the kernel log tells the administrator about adverts.
//!
//! Context: any.

use crate::{
    proto::carp::advert::Source,
    sys::{log, net_device::NetDevice},
};
use core::net::IpAddr;
use kernel::prelude::*;

/// A fault of adverts that lasts until somebody mends it.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// They are signed for a list of addresses that this host replaced more than a grace period
    /// ago.
    OldAddresses,
    /// Their digest is not right for the key and any list of addresses of this host.
    Signature,
    /// Their counter does not grow, which strict mode demands.
    Counter,
}

/// The adverts from `from` have a fault.
pub(crate) fn advert(device: &NetDevice, from: Source, fault: Fault) {
    let from = match from {
        Source::V4(address) => IpAddr::from(address),
        Source::V6(address) => IpAddr::from(address),
    };
    match fault {
        Fault::OldAddresses => log::notice(
            device,
            fmt!("the addresses of {from:?} differ: it has not followed the last change"),
        ),
        Fault::Signature => log::notice(
            device,
            fmt!("{from:?} has another key, or other addresses: its adverts are ignored"),
        ),
        Fault::Counter => log::notice(
            device,
            fmt!("{from:?} sends counters that do not grow: with strict its adverts are ignored"),
        ),
    }
}
