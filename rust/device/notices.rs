// SPDX-License-Identifier: GPL-2.0
//! What the administrator is told in the kernel's log of adverts and routes that are not as they
//! should be.
//!
//! Context: any.

use crate::{
    proto::{signature::List, wire::Source},
    sys::{
        log,
        net_device::NetDevice,
        rtnetlink::{Destination, Route},
    },
};
use core::net::IpAddr;
use kernel::prelude::*;

/// An advert from `from` was signed for a list that it should not be signed for; `None`: for none
/// that `device` knows of.
pub(crate) fn advert(device: &NetDevice, from: Source, list: Option<List>) {
    let from = match from {
        Source::V4(address) => IpAddr::from(address),
        Source::V6(address) => IpAddr::from(address),
    };
    if list.is_some() {
        log::notice(
            device,
            fmt!("the addresses of {from:?} differ: it has not followed the last change"),
        );
    } else {
        log::notice(
            device,
            fmt!("{from:?} has another key, or other addresses: its adverts are ignored"),
        );
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
