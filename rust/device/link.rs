// SPDX-License-Identifier: GPL-2.0
//! The link kind `carp`: `ip link add carp0 link eth0 type carp vhid 1 pass secret`.
//!
//! Context: process, RTNL held, but `validate()` (no RTNL) and `output_device()` (softirqs off).

use super::{
    attributes::{self, Request},
    limits,
};
use crate::{
    group::{
        carp_device::CarpDevice,
        operation::{Kind, Operation},
        parent::Parent,
        renumbering::Renumbering,
        settings::Settings,
        ties,
    },
    packets::stack::Stack,
    proto::{config::Config, link::mac},
    sys::{
        hmac::Key,
        inet, inet6,
        link::{self, LinkKind, LinkOps},
        net_device::{NetDevice, RcuDevice, Rtnl},
        netlink::{Attributes, Extack, Policy, Report},
        stack_hook::Watch,
        uapi,
    },
    vhost::virtual_host::Vhost,
};
use kernel::{
    prelude::*,
    sync::{rcu::Guard, Arc, ArcBorrow},
};

static OPS: LinkOps<CarpDevice> = LinkOps::new();

impl LinkKind for CarpDevice {
    const KIND: &'static CStr = c"carp";
    const POLICY: &'static [Policy] = &attributes::POLICY;
    type Stack = Stack;
    const REPORT_ROOM: usize = attributes::REPORT_ROOM;
    const STATISTICS_ROOM: usize = attributes::STATISTICS_ROOM;

    fn ops() -> &'static LinkOps<Self> {
        &OPS
    }

    fn validate(link: &Attributes<'_>, data: &Attributes<'_>, extack: Extack<'_>) -> Result {
        if link.get(uapi::IFLA_ADDRESS).is_some() {
            let message = c"the address of a carp device follows from its vhid";
            return Err(extack.refuse(EOPNOTSUPP, message));
        }
        Request::read(data, extack).map(|_| ())
    }

    fn create(
        rtnl: &Rtnl<'_>,
        device: &NetDevice,
        parent: &NetDevice,
        link: &Attributes<'_>,
        data: &Attributes<'_>,
        extack: Extack<'_>,
    ) -> Result<Arc<Self>> {
        check_parent(device, parent, extack)?;
        let request = Request::read(data, extack)?;
        let Some(vhid) = request.vhid else {
            return Err(extack.refuse(EINVAL, c"a vhid is needed: vhid 1..255"));
        };
        if request.state.is_some() {
            let message = c"a state can be asked for once the device is up";
            return Err(extack.refuse(EINVAL, message));
        }
        if link.get(uapi::IFLA_MTU).is_none() {
            device.set_first_mtu(rtnl, parent.mtu());
        } else if device.mtu() > parent.mtu() {
            return Err(extack.refuse(EINVAL, c"the MTU exceeds that of the parent"));
        }

        let config = request.changes.apply(&Config::new(vhid));
        limits::check_interval(&config, extack)?;
        limits::check_number(rtnl, device.namespace(rtnl), extack)?;

        let mut siblings_parent: Option<Arc<Parent>> = None;
        check_vhid_is_free(rtnl, parent, None, vhid, extack)?;
        parent.find_upper(rtnl, |upper| {
            siblings_parent = Some(link::of::<CarpDevice>(upper)?.parent().clone());
            Some(())
        });
        let parent = match siblings_parent {
            Some(parent) => parent,
            None => Parent::new(parent)?,
        };

        device.set_address(rtnl, &mac::virtual_mac(vhid));
        device.inherit_limits(rtnl, parent.device());
        device.limit_mtu(rtnl, parent.device().mtu());
        let key = match request.key {
            Some(key) => key,
            None => Key::new(&[])?,
        };
        Self::new(&config, &[], key, request.group.unwrap_or_default(), parent)
    }

    fn registered(rtnl: &Rtnl<'_>, device: &NetDevice) {
        // Most routes to the neighbours lead to the parent, so a strict filter would drop their
        // packets.
        inet::loosen_rp_filter(rtnl, device);
        inet6::disable_autoconfiguration(rtnl, device);
    }

    fn device(&self) -> &RcuDevice {
        self.device()
    }

    fn watch(&self) -> &Watch {
        self.ownership().watch()
    }

    fn change(
        self: ArcBorrow<'_, Self>,
        rtnl: &Rtnl<'_>,
        data: &Attributes<'_>,
        extack: Extack<'_>,
    ) -> Result {
        let request = Request::read(data, extack)?;
        if request.state.is_some() && !self.is_to_run() {
            let message = c"the device does not run: it takes a parent that is up, and an address";
            return Err(extack.refuse(ENETDOWN, message));
        }
        if request.changes.advbase.is_some() || request.changes.advskew.is_some() {
            for vhost in self.vhosts() {
                let intended = request.changes.apply(&vhost.intended_config());
                limits::check_interval(&intended, extack)?;
            }
        }
        // First comes all that can fail: nothing has changed if it does.
        let first = self.first();
        let renumbering = match request.vhid {
            Some(vhid) if vhid != self.intended_vhid(first) => {
                check_vhid_is_free(rtnl, self.parent_device(), Some(first), vhid, extack)?;
                Some(Renumbering::new(rtnl, self.into(), first.clone(), vhid)?)
            }
            _ => None,
        };
        for vhost in self.vhosts() {
            vhost.intend(rtnl, &request.changes);
        }
        let settings = Settings {
            changes: request.changes,
            key: request.key,
            group: request.group,
        };
        let vhid = renumbering.map(Kind::Vhid);
        let settings = settings
            .is_some()
            .then(|| Kind::Configure(self.into(), settings));
        let state = request.state.map(|state| Kind::State(self.into(), state));
        let asked = [vhid, settings, state].into_iter().flatten();
        let asked = asked.map(|kind| Operation::request(self.parent().clone(), kind));
        self.parent().serializer().submit_in_a_row(rtnl, asked);
        Ok(())
    }

    fn open(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result {
        CarpDevice::open(&self, rtnl)?;
        let prepared = self.parent().prepare_to_join(rtnl, self.into());
        let fresh = prepared.inspect_err(|_| self.stop_listening(rtnl))?;
        let join = Kind::Join(self.into(), Some(fresh));
        let join = Operation::request(self.parent().clone(), join);
        // The ties first: they cannot be folded into the joins of others.
        let operations = [self.new_ties(rtnl), Some(join)].into_iter().flatten();
        self.parent().serializer().submit_in_a_row(rtnl, operations);
        Ok(())
    }

    // When a namespace is removed, its Ethernet devices are too. A veth is cut off from its peer
    // before it is set down, and cannot send any more then.
    fn leaves(&self) {
        self.say_goodbye();
    }

    fn stop(&self, rtnl: &Rtnl<'_>) {
        self.close();
        // Before it leaves the parent: after that, a requested vhid may become its own at once.
        self.stop_listening(rtnl);
        let is_last = self.parent().leave(rtnl, self);
        if !is_last {
            if let Some(ties) = self.new_ties(rtnl) {
                self.parent().serializer().submit(rtnl, ties);
            }
        } else if self.parent().serializer().is_shared() {
            ties::has_gone(rtnl, self.parent());
        }
    }

    fn unregistered(&self, rtnl: &Rtnl<'_>) {
        self.parent().forget(rtnl, self);
    }

    fn output_device(&self, _guard: &Guard) -> Option<&NetDevice> {
        self.speaker().map(|_| self.parent_device())
    }

    fn parent(&self) -> &NetDevice {
        self.parent_device()
    }

    fn report(&self, report: &mut Report<'_>) -> Result {
        attributes::report(report, &self.first().status(), &self.group())
    }

    fn report_statistics(&self, report: &mut Report<'_>) -> Result {
        attributes::report_statistics(report, &self.first().status(), &self.parent().counters)
    }
}

/// Fails if any virtual host on `parent` but `but_for` has this vhid, or will have it.
fn check_vhid_is_free(
    rtnl: &Rtnl<'_>,
    parent: &NetDevice,
    but_for: Option<&Vhost>,
    vhid: u8,
    extack: Extack<'_>,
) -> Result {
    let taken = parent.find_upper(rtnl, |upper| {
        let carp = link::of::<CarpDevice>(upper)?;
        let claimant = carp.claimant(vhid)?;
        let is_other = !but_for.is_some_and(|this| core::ptr::eq(this, &**claimant));
        is_other.then_some(())
    });
    if parent.address() == Some(mac::virtual_mac(vhid)) {
        let message = c"the parent has the virtual MAC address of this vhid itself";
        return Err(extack.refuse(EADDRINUSE, message));
    }
    if taken.is_some() {
        let message = c"another carp device on this parent has this vhid";
        return Err(extack.refuse(EEXIST, message));
    }
    Ok(())
}

impl CarpDevice {
    /// The operation that follows when the device has been set up or down, if that ties its parent
    /// to others. There is always room for it.
    fn new_ties(&self, rtnl: &Rtnl<'_>) -> Option<Operation> {
        let ties = !self.group().is_none() && ties::is_the_only_one(rtnl, self);
        ties.then(|| Operation::event(self.parent().clone(), Kind::Ties))
    }
}

fn check_parent(device: &NetDevice, parent: &NetDevice, extack: Extack<'_>) -> Result {
    if !device.is_same_namespace(parent) {
        let message = c"the parent is in another network namespace";
        return Err(extack.refuse(EINVAL, message));
    }
    if link::of::<CarpDevice>(parent).is_some() {
        return Err(extack.refuse(ELOOP, c"the parent is a carp device itself"));
    }
    if parent.is_loopback() {
        return Err(extack.refuse(EINVAL, c"the parent is the loopback device"));
    }
    if !parent.is_ethernet() {
        return Err(extack.refuse(EINVAL, c"the parent is not an Ethernet device"));
    }
    let kind = parent.kind().map_or(&b""[..], CStr::to_bytes);
    if kind == b"vrf" {
        let message = c"the parent is a VRF, which has no link: use a device that is in it";
        return Err(extack.refuse(EINVAL, message));
    }
    if kind == b"ifb" {
        let message =
            c"the parent is an ifb, by which nothing leaves: use the device that redirects to it";
        return Err(extack.refuse(EINVAL, message));
    }
    if kind == b"macvlan" || kind == b"macvtap" || kind == b"ipvlan" || kind == b"ipvtap" {
        let message =
            c"the parent does not pass frames for other addresses than its own: use the device below it";
        return Err(extack.refuse(EOPNOTSUPP, message));
    }
    Ok(())
}
