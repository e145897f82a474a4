// SPDX-License-Identifier: GPL-2.0
//! What the administrator is told in the kernel's log of adverts and routes that are not as they
//! should be.
//!
//! Context: any.

use crate::{
    proto::wire::Source,
    sys::{
        log,
        net_device::NetDevice,
        rtnetlink::{Destination, Route},
    },
};
use core::net::IpAddr;
use kernel::prelude::*;

/// What is wrong with adverts in a way that does not go by itself.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// They are signed for the list of addresses that was changed a grace period ago.
    OldAddresses,
    /// They are signed for nothing that is known here.
    Signature,
    /// Strict mode takes them for old ones.
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

/// The kernel does not want a route that the kernel itself would make for an address of `device`.
pub(crate) fn route_refused(device: &NetDevice, route: &Route, error: Error) {
    let to = match route.destination {
        Destination::V4(address) => IpAddr::from(address),
        Destination::V6(address) => IpAddr::from(address),
    };
    let (prefix_len, error) = (route.prefix_len, error.to_errno());
    log::notice(
        device,
        fmt!("the route to {to:?}/{prefix_len} is refused: error {error}"),
    );
}
