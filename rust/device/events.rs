// SPDX-License-Identifier: GPL-2.0
//! What happens to parents, to the addresses of carp devices, and to the host.
//!
//! Context: process, RTNL held; but not at reboot, nor for IPv6 addresses.

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

/// Of both families together. The digest covers all of them, and is prepared anew with each change.
const ADDRESSES_MAX: usize = 1024;

pub(crate) struct Events;

impl notifier::Events for Events {
    fn device(rtnl: &Rtnl<'_>, device: &NetDevice, event: DeviceEvent<'_>) -> Result {
        match event {
            DeviceEvent::State => state_changed(rtnl, device),
            // A VLAN is notified only when the device below it is down and cannot send any more.
            DeviceEvent::GoingDown => {
                for_each_parent(rtnl, device, &[c"vlan"], &mut |parent| {
                    parent.going_down(rtnl)
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
                    parent.unregister(rtnl, || link::delete_uppers::<CarpDevice>(rtnl, device));
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
        // Nobody here can be told if out of memory. It is tried again.
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

    /// An address on two devices would not tell which of them it belongs to. So it is refused
    /// within an L3 domain, and among the devices on one link. An address on a loopback or dummy
    /// device is on no link: a service has it there on every host, MASTER or not.
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
        let is_ambiguous = share_link(device, other)
            || !is_link_local
                && device.l3_domain(guard) == other.l3_domain(guard)
                && !is_of_no_link(device)
                && !is_of_no_link(other);
        is_ambiguous.then_some(refusal)
    }
}

/// Both are on the link of one parent.
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

/// The parent that `device` is, if carp devices stand on it.
fn parent_of(rtnl: &Rtnl<'_>, device: &NetDevice) -> Option<Arc<Parent>> {
    device.find_upper(rtnl, |upper| {
        Some(link::of::<CarpDevice>(upper)?.parent().clone())
    })
}

/// Calls `f` with `device`, if it is a parent, and with each parent above it that is reached
/// through devices of the kinds `by` only. The kernel stacks at most eight devices.
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
        // A VLAN may stay up while the device below it is down. A carp device on it waits for this
        // event.
        for_each_parent(rtnl, device, &[c"vlan"], &mut |parent| {
            parent.submit_event(rtnl, Kind::ParentState);
        });
    } else {
        submit(rtnl, device, Kind::ParentState);
    }
}

/// `device` has another MTU, or other offloads.
fn limits_changed(rtnl: &Rtnl<'_>, device: &NetDevice) {
    // Once the MTU is large enough for IPv6, the kernel sets IPv6 up anew.
    if link::of::<CarpDevice>(device).is_some() {
        inet6::disable_autoconfiguration(rtnl, device);
    }
    // At once: a request that comes while the operation waits is checked against it.
    device.find_upper(rtnl, |upper| {
        link::of::<CarpDevice>(upper)?;
        upper.limit_mtu(rtnl, device.mtu());
        None::<()>
    });
    submit(rtnl, device, Kind::ParentLimits);
}

/// VLANs on `device` get a notification of their own. A bridge that it is a port of gets none, and
/// neither do the devices on that bridge.
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

/// Calls `f` with each MAC address that the ports of `bridge` let in for carp devices.
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

/// Has a new port let in the same MAC addresses as the ports that `bridge` has. If that fails, it
/// does not become a port.
fn joins_bridge(rtnl: &Rtnl<'_>, port: &NetDevice, bridge: &NetDevice) -> Result {
    let mut accepted = 0_usize;
    let outcome = for_each_mac(rtnl, bridge, &mut |mac| {
        port.accept_as_port(rtnl, mac)?;
        accepted = accepted.saturating_add(1);
        Ok(())
    });
    if outcome.is_err() {
        // Undo those before the one that failed.
        let _ = for_each_mac(rtnl, bridge, &mut |mac| {
            accepted = accepted.checked_sub(1).ok_or(ENOENT)?;
            port.drop_as_port(rtnl, mac);
            Ok(())
        });
    }
    outcome
}

/// A carp device receives untagged frames to its own MAC address only, and none to groups. So a
/// device on it that has another MAC address, or a protocol of its own, would be up and receive
/// nothing.
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
