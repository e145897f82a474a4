// SPDX-License-Identifier: GPL-2.0
//! What takes `CAP_NET_ADMIN` in the initial user namespace. Any user may have a network namespace,
//! and the whole host pays for the carp devices in it.
//!
//! Context: process, RTNL held; the context of the request's sender.

use crate::{
    group::carp_device::CarpDevice,
    proto::{config::Config, timers},
    sys::{link, namespace::Namespace, net_device::Rtnl, netlink::Extack, parameters},
};
use kernel::prelude::*;

const NS_PER_MS: u64 = 1_000_000;

/// Fails if `namespace` may not have one device more.
pub(super) fn check_number(rtnl: &Rtnl<'_>, namespace: &Namespace, extack: Extack<'_>) -> Result {
    if parameters::caller_is_unlimited() {
        return Ok(());
    }
    let mut room = parameters::user_devices_max();
    namespace.for_each_device(rtnl, |device| {
        let is_carp = link::of::<CarpDevice>(device).is_some();
        room = room.saturating_sub(u32::from(is_carp));
        Ok(())
    })?;
    if room == 0 {
        let message =
            c"more carp devices than the module's user_devices_max take rights on the host itself";
        return Err(extack.refuse(EPERM, message));
    }
    Ok(())
}

/// Fails if a device may not advertise as often as `config` says. Demotion does not count: it may
/// end at any time.
pub(super) fn check_interval(config: &Config, extack: Extack<'_>) -> Result {
    let min_ns = u64::from(parameters::user_interval_min_ms()).saturating_mul(NS_PER_MS);
    let is_short = timers::interval_ns(config.advbase, config.advskew) < min_ns;
    if is_short && !parameters::caller_is_unlimited() {
        let message =
            c"an interval below the module's user_interval_min_ms takes rights on the host itself";
        return Err(extack.refuse(EPERM, message));
    }
    Ok(())
}
