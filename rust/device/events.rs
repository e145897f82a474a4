// SPDX-License-Identifier: GPL-2.0
//! What happens to parents, to the addresses of carp devices, and to the host.
//!
//! Context: process; RTNL held but at reboot, and for IPv6 addresses.

use crate::{
    group::{carp_device::CarpDevice, operation::Kind, parent::Parent},
    proto::link::mac,
    sys::{
        inet6, link,
        net_device::{Mac, NetDevice, Rtnl},
        notifier::{self, DeviceEvent, NextUpper},
        validator,
    },
};
use core::net::IpAddr;
use kernel::{
    prelude::*,
    sync::{rcu::Guard, Arc},
};

/// Of both families together; each advert's digest covers them all, and so does each change.
const ADDRESSES_MAX: usize = 1024;

pub(crate) struct Events;

impl notifier::Events for Events {
    fn device(rtnl: &Rtnl<'_>, device: &NetDevice, event: DeviceEvent<'_>) -> Result {
        match event {
            DeviceEvent::State => state_changed(rtnl, device),
            // A VLAN is told when the device below is down, and cannot send any more.
            DeviceEvent::GoingDown => {
                for_each_parent(rtnl, device, &[c"vlan"], &mut |parent| {
                    parent.goes_down(rtnl)
                });
            }
            DeviceEvent::NotifyPeers => notify_peers(rtnl, device),
            DeviceEvent::Name => {
                if let Some(parent) = parent_of(rtnl, device) {
                    parent.renamed(rtnl);
                }
            }
            DeviceEvent::Limits => limits_changed(rtnl, device),
            // Frames for the virtual MAC address would be the parent's own.
            DeviceEvent::NextAddress(mac) => {
                if let Some(vhid) = mac::vhid_of_mac(&mac) {
                    let claims = |upper: &NetDevice| {
                        link::of::<CarpDevice>(upper)?.claimant(vhid).map(|_| ())
                    };
                    if device.find_upper(rtnl, claims).is_some() {
                        return Err(notifier::REFUSED);
                    }
                }
            }
            DeviceEvent::Address => submit(rtnl, device, Kind::ParentAddress),
            DeviceEvent::Leaving => {
                if let Some(parent) = parent_of(rtnl, device) {
                    parent.goes(rtnl, || link::delete_uppers::<CarpDevice>(rtnl, device));
                }
            }
            DeviceEvent::TypeChange => {
                if parent_of(rtnl, device).is_some() {
                    return Err(notifier::REFUSED);
                }
            }
            DeviceEvent::NextUpper(upper) => {
                if link::of::<CarpDevice>(device).is_some() {
                    check_upper(upper)?;
                }
            }
            DeviceEvent::PortOf(bridge) => joins_bridge(rtnl, device, bridge)?,
            DeviceEvent::NoPortOf(bridge) => for_each_mac(rtnl, bridge, &mut |mac| {
                device.drop_as_port(rtnl, mac);
                Ok(())
            })?,
        }
        Ok(())
    }

    fn addresses(rtnl: &Rtnl<'_>, device: &NetDevice) {
        let Some(carp) = link::of::<CarpDevice>(device) else {
            return;
        };
        carp.ownership().follow();
        // Nobody here could be told that there is no memory; it is tried again.
        let _ = carp.read_addresses(rtnl);
    }

    fn addresses_v6(device: &NetDevice) {
        if let Some(carp) = link::of::<CarpDevice>(device) {
            carp.ownership().follow();
            carp.addresses_changed();
        }
    }

    fn reboot(device: &NetDevice) {
        if let Some(carp) = link::of::<CarpDevice>(device) {
            carp.say_goodbye();
        }
    }
}

impl validator::Rules for Events {
    fn refuse_address(device: &NetDevice, address: IpAddr) -> Option<&'static CStr> {
        let message = c"a loopback address is each host's own";
        (address.is_loopback() && link::of::<CarpDevice>(device).is_some()).then_some(message)
    }

    fn limit(device: &NetDevice) -> Option<(usize, &'static CStr)> {
        let message = c"a carp device has at most 1024 addresses";
        link::of::<CarpDevice>(device).map(|_| (ADDRESSES_MAX, message))
    }

    /// Which of two devices an address belongs to would be anybody's guess. Each L3 domain has
    /// addresses of its own; so has each link, of which it must not be in doubt either. An address
    /// on a loopback or dummy device is of no link: a service has it there on every host, whichever
    /// is MASTER.
    fn refuse(
        guard: &Guard,
        device: &NetDevice,
        other: &NetDevice,
        is_link_local: bool,
    ) -> Option<&'static CStr> {
        let refusal = if link::of::<CarpDevice>(device).is_some() {
            c"another device of this host has this address"
        } else if link::of::<CarpDevice>(other).is_some() {
            c"a carp device of this host has this address"
        } else {
            return None;
        };
        let is_in_doubt = share_link(device, other)
            || !is_link_local
                && device.l3_domain(guard) == other.l3_domain(guard)
                && !is_of_no_link(device)
                && !is_of_no_link(other);
        is_in_doubt.then_some(refusal)
    }
}

/// The neighbours of both are those of one parent.
fn share_link(device: &NetDevice, other: &NetDevice) -> bool {
    let is_on = |device: &NetDevice, parent: &NetDevice| {
        device.is(parent)
            || link::of::<CarpDevice>(device).is_some_and(|carp| carp.parent_device().is(parent))
    };
    match link::of::<CarpDevice>(device) {
        Some(carp) => is_on(other, carp.parent_device()),
        None => is_on(other, device),
    }
}

fn is_of_no_link(device: &NetDevice) -> bool {
    device.is_loopback()
        || device
            .kind()
            .is_some_and(|kind| kind.to_bytes() == b"dummy")
}

/// What carp knows of `device`, if carp devices stand on it.
fn parent_of(rtnl: &Rtnl<'_>, device: &NetDevice) -> Option<Arc<Parent>> {
    device.find_upper(rtnl, |upper| {
        Some(link::of::<CarpDevice>(upper)?.parent().clone())
    })
}

/// Calls `f` with the parent that `device` is, and with those above it that it reaches by devices
/// of these kinds alone. The kernel allows no more than eight devices above each other.
fn for_each_parent(
    rtnl: &Rtnl<'_>,
    device: &NetDevice,
    by: &[&CStr],
    f: &mut dyn FnMut(&Arc<Parent>),
) {
    if let Some(parent) = parent_of(rtnl, device) {
        f(&parent);
    }
    device.find_upper(rtnl, |upper| {
        if upper.kind().is_some_and(|kind| by.contains(&kind)) {
            for_each_parent(rtnl, upper, by, f);
        }
        None::<()>
    });
}

/// `device` is up or down, has a carrier or none.
fn state_changed(rtnl: &Rtnl<'_>, device: &NetDevice) {
    // The kernel has made the routes of a carp device anew.
    if let Some(carp) = link::of::<CarpDevice>(device) {
        carp.ownership().follow();
    }
    if device.is_up() {
        // One on a VLAN that stays up while the device below is down waits for this.
        for_each_parent(rtnl, device, &[c"vlan"], &mut |parent| {
            parent.submit_event(rtnl, Kind::ParentState);
        });
    } else {
        submit(rtnl, device, Kind::ParentState);
    }
}

/// `device` has another MTU, or other offloads.
fn limits_changed(rtnl: &Rtnl<'_>, device: &NetDevice) {
    // With an MTU that IPv6 needs it gets all of IPv6 anew.
    if link::of::<CarpDevice>(device).is_some() {
        inet6::disable_autoconfiguration(rtnl, device);
    }
    // At once, for what is asked while the operation waits is judged by it.
    device.find_upper(rtnl, |upper| {
        link::of::<CarpDevice>(upper)?;
        upper.limit_mtu(rtnl, device.mtu());
        None::<()>
    });
    submit(rtnl, device, Kind::ParentLimits);
}

/// VLANs on `device` are told by themselves, but not a bridge that it is a port of, nor what is on
/// that.
fn notify_peers(rtnl: &Rtnl<'_>, device: &NetDevice) {
    let notify = &mut |parent: &Arc<Parent>| parent.notify_peers(rtnl);
    for_each_parent(rtnl, device, &[], notify);
    device.find_upper(rtnl, |upper| {
        if upper.kind() == Some(c"bridge") {
            for_each_parent(rtnl, upper, &[c"vlan", c"bridge"], notify);
        }
        None::<()>
    });
}

/// Calls `f` with each MAC address that ports of `bridge` let in.
fn for_each_mac(rtnl: &Rtnl<'_>, bridge: &NetDevice, f: &mut dyn FnMut(&Mac) -> Result) -> Result {
    let mut outcome = Ok(());
    if bridge.kind() == Some(c"bridge") {
        for_each_parent(rtnl, bridge, &[c"vlan"], &mut |parent| {
            if outcome.is_ok() {
                outcome = parent.for_each_mac(rtnl, f);
            }
        });
    }
    outcome
}

/// A port lets in what those let in that are there. If it cannot, it does not become one.
fn joins_bridge(rtnl: &Rtnl<'_>, port: &NetDevice, bridge: &NetDevice) -> Result {
    let mut accepted = 0_usize;
    let outcome = for_each_mac(rtnl, bridge, &mut |mac| {
        port.accept_as_port(rtnl, mac)?;
        accepted = accepted.saturating_add(1);
        Ok(())
    });
    if outcome.is_err() {
        // Those before the one that failed.
        let _ = for_each_mac(rtnl, bridge, &mut |mac| {
            accepted = accepted.checked_sub(1).ok_or(ENOENT)?;
            port.drop_as_port(rtnl, mac);
            Ok(())
        });
    }
    outcome
}

/// A carp device receives what is addressed to itself, by no VLAN, and to no group. So a device on
/// it that has another MAC address, or takes part in a protocol of its own, would be up and deaf.
fn check_upper(upper: NextUpper<'_>) -> Result {
    let kind = upper.device.kind();
    let is_deaf = match kind {
        Some(kind) if upper.is_master => kind != c"vrf",
        Some(kind) => [c"vlan", c"macvlan", c"macvtap"].contains(&kind),
        None => upper.is_master,
    };
    if is_deaf {
        let message = c"such a device hears nothing on a carp device: use the parent";
        return Err(upper.extack.refuse(EOPNOTSUPP, message));
    }
    Ok(())
}

fn submit(rtnl: &Rtnl<'_>, device: &NetDevice, kind: Kind) {
    if let Some(parent) = parent_of(rtnl, device) {
        parent.submit_event(rtnl, kind);
    }
}
