// SPDX-License-Identifier: GPL-2.0
//! The link kind `carp`: `ip link add carp0 link eth0 type carp vhid 1 pass secret`.
//!
//! Context: process, RTNL held, but `validate()` (no RTNL) and `way_out()` (softirqs off).

use super::attributes::{self, Request};
use crate::{
    group::{
        operation::{Kind, Renumbering},
        parent::Parent,
        vhost::{Settings, Vhost},
    },
    proto::{config::Config, machine::State, wire},
    sys::{
        bindings as uapi,
        hmac::Key,
        inet,
        link::{self, LinkKind},
        net_device::{NetDevice, RcuDevice, Rtnl},
        netlink::{Attributes, Extack, Policy, Report},
        timer::HasTimer,
    },
};
use kernel::{
    prelude::*,
    sync::{rcu::Guard, Arc, ArcBorrow},
};

impl LinkKind for Vhost {
    const KIND: &'static CStr = c"carp";
    const POLICY: &'static [Policy] = &attributes::POLICY;
    const REPORT_ROOM: usize = attributes::REPORT_ROOM;
    const STATISTICS_ROOM: usize = attributes::STATISTICS_ROOM;

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

        let mut siblings_parent: Option<Arc<Parent>> = None;
        check_vhid_is_free(rtnl, parent, vhid, extack)?;
        parent.find_upper(rtnl, |upper| {
            siblings_parent = Some(link::of::<Vhost>(upper)?.parent().clone());
            Some(())
        });
        let parent = match siblings_parent {
            Some(parent) => parent,
            None => Parent::new(parent)?,
        };

        device.set_address(rtnl, &wire::virtual_mac(vhid));
        device.inherit_limits(rtnl, parent.device());
        let config = request.changes.apply(&Config::new(vhid));
        let key = match request.key {
            Some(key) => key,
            None => Key::new(&[]).ok_or(EINVAL)?,
        };
        let vhost = Vhost::new(config, key, parent)?;
        vhost.set_group(request.group.unwrap_or_default());
        Ok(vhost)
    }

    fn device(&self) -> &RcuDevice {
        self.device()
    }

    fn change(
        self: ArcBorrow<'_, Self>,
        rtnl: &Rtnl<'_>,
        data: &Attributes<'_>,
        extack: Extack<'_>,
    ) -> Result {
        let request = Request::read(data, extack)?;
        if request.state.is_some() && self.status().state == State::Init {
            let message = c"the device does not run: it takes a parent that is up, and an address";
            return Err(extack.refuse(ENETDOWN, message));
        }
        // What can fail comes first, so that nothing has changed if it does.
        let renumbering = match request.vhid {
            Some(vhid) if vhid != self.vhid() => Some(self.renumbering(rtnl, vhid, extack)?),
            _ => None,
        };
        let settings = Settings {
            changes: request.changes,
            key: request.key,
            state: request.state,
        };
        let configured = self
            .submit(rtnl, Kind::Configure(self.into(), settings))
            .and_then(|()| match request.group {
                Some(group) => self.submit(rtnl, Kind::Group(self.into(), group)),
                None => Ok(()),
            });
        match renumbering {
            Some((vhid, renumbering)) => configured
                .and_then(|()| self.submit(rtnl, Kind::Vhid(self.into(), renumbering)))
                .inspect_err(|_| self.forget_renumbering(rtnl, vhid)),
            None => configured,
        }
    }

    fn open(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result {
        let parent = self.parent_device();
        // Early, since hardware may take its time to follow: at a take-over it is long done.
        parent.accept_unicast(rtnl, &self.mac())?;
        let joined = self.parent().prepare_to_join(rtnl).and_then(|fresh| {
            Vhost::open(&self);
            self.submit(rtnl, Kind::Join(self.into(), Some(fresh)))
                .inspect_err(|_| {
                    self.close();
                    self.parent().leave(rtnl, self.vhid());
                })
        });
        if joined.is_err() {
            parent.drop_unicast(rtnl, &self.mac());
            return joined;
        }
        inet::join_group(rtnl, parent, wire::GROUP_V4);
        self.ties_changed(rtnl);
        Ok(())
    }

    fn stop(&self, rtnl: &Rtnl<'_>) {
        self.close();
        self.stop_timer();
        let is_last = self.parent().leave(rtnl, self.vhid());
        inet::leave_group(rtnl, self.parent_device(), wire::GROUP_V4);
        self.parent_device().drop_unicast(rtnl, &self.mac());
        if !is_last {
            self.ties_changed(rtnl);
        } else if !self.group().is_none() && self.parent().share_fate(rtnl).is_err() {
            pr_err!("no memory: devices of a group may stay demoted until its next change\n");
        }
    }

    fn way_out(&self, _guard: &Guard) -> Option<&NetDevice> {
        self.is_master().then(|| self.parent_device())
    }

    fn parent(&self) -> &NetDevice {
        self.parent_device()
    }

    fn report(&self, report: &mut Report<'_>) -> Result {
        attributes::report(report, &self.status())
    }

    fn report_statistics(&self, report: &mut Report<'_>) -> Result {
        attributes::report_statistics(report, &self.status(), &self.parent().counters)
    }
}

fn check_vhid_is_free(rtnl: &Rtnl<'_>, parent: &NetDevice, vhid: u8, extack: Extack<'_>) -> Result {
    let taken = parent.find_upper(rtnl, |upper| {
        link::of::<Vhost>(upper)?.claims(vhid).then_some(())
    });
    if parent.address() == Some(wire::virtual_mac(vhid)) {
        let message = c"the parent has the virtual MAC address of this vhid itself";
        return Err(extack.refuse(EADDRINUSE, message));
    }
    if taken.is_some() {
        let message = c"another carp device on this parent has this vhid";
        return Err(extack.refuse(EEXIST, message));
    }
    Ok(())
}

impl Vhost {
    fn ties_changed(&self, rtnl: &Rtnl<'_>) {
        if !self.group().is_none() {
            self.parent().submit_event(rtnl, Kind::Ties);
        }
    }

    /// Takes what it will take to have another vhid.
    fn renumbering(
        &self,
        rtnl: &Rtnl<'_>,
        vhid: u8,
        extack: Extack<'_>,
    ) -> Result<(u8, Renumbering)> {
        check_vhid_is_free(rtnl, self.parent_device(), vhid, extack)?;
        let renumbering = Renumbering::new(vhid)?;
        self.parent_device()
            .accept_unicast(rtnl, &wire::virtual_mac(vhid))?;
        self.claim(rtnl, vhid);
        Ok((vhid, renumbering))
    }

    fn forget_renumbering(&self, rtnl: &Rtnl<'_>, vhid: u8) {
        self.claim(rtnl, 0);
        self.parent_device()
            .drop_unicast(rtnl, &wire::virtual_mac(vhid));
    }
}

fn check_parent(device: &NetDevice, parent: &NetDevice, extack: Extack<'_>) -> Result {
    if !device.is_same_namespace(parent) {
        let message = c"the parent is in another network namespace";
        return Err(extack.refuse(EINVAL, message));
    }
    if link::of::<Vhost>(parent).is_some() {
        return Err(extack.refuse(ELOOP, c"the parent is a carp device itself"));
    }
    if parent.is_loopback() {
        return Err(extack.refuse(EINVAL, c"the parent is the loopback device"));
    }
    if !parent.is_ethernet() {
        return Err(extack.refuse(EINVAL, c"the parent is not an Ethernet device"));
    }
    let kind = parent.kind().map_or(&b""[..], CStr::to_bytes);
    if kind == b"macvlan" || kind == b"macvtap" || kind == b"ipvlan" || kind == b"ipvtap" {
        let message =
            c"the parent does not pass frames for other addresses than its own: use the device below it";
        return Err(extack.refuse(EOPNOTSUPP, message));
    }
    Ok(())
}
