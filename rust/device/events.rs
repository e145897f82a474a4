// SPDX-License-Identifier: GPL-2.0
//! What happens to parents, to the addresses of carp devices, and to the host.
//!
//! Context: process; RTNL held but at reboot.

use crate::{
    group::vhost::Vhost,
    sys::{
        link,
        net_device::{NetDevice, Rtnl},
        notifier::{self, DeviceEvent},
    },
};
use kernel::prelude::*;

pub(crate) struct Events;

impl notifier::Events for Events {
    fn device(rtnl: &Rtnl<'_>, device: &NetDevice, event: DeviceEvent) -> Result {
        match event {
            DeviceEvent::State => for_each_upper(rtnl, device, |_, vhost| {
                vhost.start_or_stop(rtnl);
            }),
            DeviceEvent::Limits => for_each_upper(rtnl, device, |upper, _| {
                upper.inherit_limits(rtnl, device);
                if upper.mtu() > device.mtu() && upper.set_mtu(rtnl, device.mtu()).is_err() {
                    pr_warn!("a carp device cannot follow its parent to a smaller MTU\n");
                }
            }),
            DeviceEvent::Leaving => link::delete_uppers::<Vhost>(rtnl, device),
            DeviceEvent::TypeChange => {
                let stands_on_it = |upper: &NetDevice| link::of::<Vhost>(upper).map(|_| ());
                if device.find_upper(rtnl, stands_on_it).is_some() {
                    return Err(notifier::REFUSED);
                }
            }
        }
        Ok(())
    }

    fn addresses(rtnl: &Rtnl<'_>, device: &NetDevice) {
        let Some(vhost) = link::of::<Vhost>(device) else {
            return;
        };
        if vhost.addresses_changed(rtnl).is_err() {
            pr_err!("no memory: a carp device signs for its old addresses until the next change\n");
        }
    }

    fn reboot(device: &NetDevice) {
        if let Some(vhost) = link::of::<Vhost>(device) {
            vhost.shut_down();
        }
    }
}

fn for_each_upper(rtnl: &Rtnl<'_>, device: &NetDevice, mut f: impl FnMut(&NetDevice, &Vhost)) {
    device.find_upper(rtnl, |upper| {
        if let Some(vhost) = link::of::<Vhost>(upper) {
            f(upper, &vhost);
        }
        None::<()>
    });
}
