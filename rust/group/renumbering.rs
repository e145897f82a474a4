// SPDX-License-Identifier: GPL-2.0
//! Changes of vhids on one parent, several in one operation. The operation brings all these virtual
//! hosts down, and publishes a snapshot without them. When they are at rest, it gives them their
//! vhids, and publishes a snapshot with them.
//!
//! Context: RTNL.

use super::{carp_device::CarpDevice, carp_if::CarpIf, parent::Parent};
use crate::{
    proto::link::mac,
    sys::{log, net_device::Rtnl, rcu::Fresh},
    vhost::virtual_host::Vhost,
};
use kernel::{prelude::*, sync::Arc};

/// The vhids that virtual hosts claim, and memory for both snapshots. The parent lets in the MAC
/// addresses of these vhids.
pub(crate) struct Renumbering {
    members: KVec<Member>,
    without: Option<Fresh<CarpIf>>,
    with: Option<Fresh<CarpIf>>,
}

struct Member {
    carp: Arc<CarpDevice>,
    vhost: Arc<Vhost>,
    vhid: u8,
}

impl Member {
    /// Gives back what [`Renumbering::new`] has taken for this member.
    fn forget(&self, rtnl: &Rtnl<'_>) {
        self.carp.drop_claim(&self.vhost, self.vhid);
        let parent = self.carp.parent_device();
        parent.drop_unicast(rtnl, &mac::virtual_mac(self.vhid));
    }
}

impl Renumbering {
    /// The change of the vhid of `vhost`, a virtual host of `carp`. Claims the new vhid, and has
    /// the parent let in its MAC address. If that fails, nothing is taken.
    pub(crate) fn new(
        rtnl: &Rtnl<'_>,
        carp: Arc<CarpDevice>,
        vhost: Arc<Vhost>,
        vhid: u8,
    ) -> Result<Self> {
        let mut members = KVec::with_capacity(1, GFP_KERNEL_ACCOUNT)?;
        let without = Some(Fresh::new(CarpIf::new()?)?);
        let with = Some(Fresh::new(CarpIf::new()?)?);
        carp.claim(rtnl, &vhost, vhid)?;
        carp.parent_device()
            .accept_unicast(rtnl, &mac::virtual_mac(vhid))
            .inspect_err(|_| carp.drop_claim(&vhost, vhid))?;
        members
            .push_within_capacity(Member { carp, vhost, vhid })
            .or(Err(ENOMEM))?;
        Ok(Self {
            members,
            without,
            with,
        })
    }

    /// Gives back what has been taken for all members.
    pub(super) fn forget(&self, rtnl: &Rtnl<'_>) {
        for member in &self.members {
            member.forget(rtnl);
        }
    }

    /// The virtual host of the first request, and its device.
    pub(super) fn first(&self) -> Option<(&CarpDevice, &Vhost)> {
        let member = self.members.first()?;
        Some((&member.carp, &member.vhost))
    }

    /// Makes room for this many other members.
    pub(super) fn make_room(&mut self, others: usize) -> Result {
        Ok(self.members.reserve(others, GFP_KERNEL_ACCOUNT)?)
    }

    /// Takes over what `other` would do. There is room for it.
    pub(super) fn take_along(&mut self, other: Self) {
        for member in other.members {
            if let Err(refused) = self.members.push_within_capacity(member) {
                log::warn(
                    refused.0.carp.parent_device(),
                    fmt!("a change of a vhid was lost: there was no room for it"),
                );
            }
        }
    }

    /// Brings down the virtual hosts whose devices are up. The others get their vhids at once.
    /// False: there is none to bring down.
    pub(super) fn begin(&mut self, rtnl: &Rtnl<'_>, parent: &Parent) -> bool {
        self.members.retain(|member| {
            let vhost = &member.vhost;
            let is_there = vhost.vhid() == member.vhid;
            if vhost.is_open() && !is_there {
                return true;
            }
            // The filter has an entry of the device's own while the device is up, so this one is
            // not needed.
            member.forget(rtnl);
            if !is_there {
                member.carp.renumber(rtnl, vhost, member.vhid);
            }
            false
        });
        if self.members.is_empty() {
            return false;
        }
        for member in &self.members {
            member.vhost.go_down_for_good();
        }
        if let Some(fresh) = self.without.take() {
            parent.replace(fresh, |carp_if| {
                for member in &self.members {
                    carp_if.remove(member.vhost.vhid());
                }
            });
        }
        true
    }

    /// Nobody is inside any of the virtual hosts whose devices are still up.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_at_rest = |vhost: &Vhost| vhost.is_at_rest() || !vhost.is_open();
        self.members.iter().all(|member| is_at_rest(&member.vhost))
    }

    /// Gives the virtual hosts their vhids, and brings up those whose devices have not been set
    /// down since.
    pub(super) fn finish(&mut self, rtnl: &Rtnl<'_>, parent: &Parent) {
        let mut runs = false;
        for Member { carp, vhost, vhid } in &self.members {
            let (old, new) = (vhost.mac(), mac::virtual_mac(*vhid));
            carp.renumber(rtnl, vhost, *vhid);
            let is_open = vhost.is_open();
            runs |= is_open;
            parent
                .device()
                .drop_unicast(rtnl, if is_open { &old } else { &new });
        }
        if let Some(fresh) = self.with.take().filter(|_| runs) {
            parent.replace(fresh, |carp_if| {
                for member in self.members.iter().filter(|member| member.vhost.is_open()) {
                    carp_if.insert(member.vhost.clone());
                }
            });
        }
        for member in &self.members {
            member.vhost.come_up(rtnl);
        }
    }
}
