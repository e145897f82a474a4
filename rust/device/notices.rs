// SPDX-License-Identifier: GPL-2.0
//! What the administrator is told in the kernel's log of adverts that are not as they should be.
//!
//! Context: any.

use crate::{
    proto::{signature::List, wire::Source},
    sys::net_device::NetDevice,
};
use core::net::IpAddr;
use kernel::prelude::*;

/// An advert from `from` was signed for a list that it should not be signed for; `None`: for none
/// that `device` knows of.
pub(crate) fn advert(device: &NetDevice, from: Source, list: Option<List>) {
    let name = device.name();
    let from = match from {
        Source::V4(address) => IpAddr::from(address),
        Source::V6(address) => IpAddr::from(address),
    };
    if list.is_some() {
        pr_notice!(
            "{name}: the addresses of {from:?} differ: it has not followed the last change\n"
        );
    } else {
        pr_notice!(
            "{name}: {from:?} has another key, or other addresses: its adverts are ignored\n"
        );
    }
}
