// SPDX-License-Identifier: GPL-2.0

//! What `ip -d link show` and `ip -s -d link show` print of a carp device. Every item has one name,
//! in text and in JSON.
//!
//! An attribute that is absent or has an unexpected length is left out: the kernel may be older or
//! newer than the plugin.

use core::ffi::CStr;

use crate::ip::message::Attributes;
use crate::ip::output;
use crate::uapi::*;

pub fn options(attributes: &Attributes<'_>) {
    let word = |name, attribute, words: &[&CStr]| {
        if let Some(index) = attributes.u8(attribute) {
            output::word(name, words.get(usize::from(index)).unwrap_or(&c"unknown"));
        }
    };
    let number = |name, attribute| {
        if let Some(value) = attributes.u32(attribute) {
            output::number(name, value.into());
        }
    };
    let switch = |name, attribute| {
        if let Some(value) = attributes.u8(attribute) {
            output::switch(name, value != 0);
        }
    };

    word(c"state", IFLA_CARP_STATE, STATES);
    number(c"vhid", IFLA_CARP_VHID);
    number(c"advbase", IFLA_CARP_ADVBASE);
    number(c"advskew", IFLA_CARP_ADVSKEW);
    switch(c"preempt", IFLA_CARP_PREEMPT);
    number(c"demotion", IFLA_CARP_DEMOTION);
    if let Some(causes) = attributes.u32(IFLA_CARP_DEMOTED_BY) {
        output::list(c"demoted_by", names(causes, CAUSES));
    }
    switch(c"strict", IFLA_CARP_STRICT);
    number(c"grace", IFLA_CARP_GRACE);
    let name = attributes.bytes(IFLA_CARP_GROUP);
    if let Some(name) = name.and_then(|name| CStr::from_bytes_until_nul(name).ok()) {
        output::word(c"group", name);
    }
    if let Some(address) = attributes.bytes(IFLA_CARP_MASTER) {
        output::address(c"master", address);
    }
    word(c"reason", IFLA_CARP_REASON, REASONS);
    if let Some(milliseconds) = attributes.u64(IFLA_CARP_CHANGED) {
        output::time(c"changed", milliseconds);
    }
}

/// The name of each bit that is set.
fn names(mask: u32, names: &'static [&'static CStr]) -> impl Iterator<Item = &'static CStr> {
    (0..u32::BITS)
        .zip(names.iter().map(Some).chain(core::iter::repeat(None)))
        .filter(move |(bit, _)| mask & (1 << bit) != 0)
        .map(|(_, name)| name.copied().unwrap_or(c"unknown"))
}

/// One line in text for the device, and one for what it shares with its parent.
pub fn statistics(counters: &Attributes<'_>) {
    for of_parent in [false, true] {
        let mut is_first = true;
        for (number, name) in (0..).zip(XSTATS) {
            if name.to_bytes().starts_with(b"parent_") != of_parent {
                continue;
            }
            let Some(count) = counters.u64(number) else {
                continue;
            };
            if core::mem::take(&mut is_first) {
                output::line();
            }
            output::number(name, count);
        }
    }
}
