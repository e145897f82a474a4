// SPDX-License-Identifier: GPL-2.0
//! Other vhids for virtual hosts of one parent, in one go: all are brought down, one snapshot
//! without them is published, and when they are at rest one with all of them.
//!
//! Context: RTNL.

use super::{carp_if::CarpIf, parent::Parent, vhost::Vhost};
use crate::{
    proto::link::mac,
    sys::{log, net_device::Rtnl, rcu::Fresh},
};
use kernel::{prelude::*, sync::Arc};

/// Vhids that virtual hosts claim and that the parent lets in, and memory for both snapshots.
pub(crate) struct Renumbering {
    members: KVec<Member>,
    without: Option<Fresh<CarpIf>>,
    with: Option<Fresh<CarpIf>>,
}

struct Member {
    vhost: Arc<Vhost>,
    vhid: u8,
}

impl Member {
    /// Gives back what [`Renumbering::new`] has taken for it.
    fn forget(&self, rtnl: &Rtnl<'_>) {
        self.vhost.unclaim(self.vhid);
        let parent = self.vhost.parent_device();
        parent.drop_unicast(rtnl, &mac::virtual_mac(self.vhid));
    }
}

impl Renumbering {
    /// Of one virtual host. Takes what it takes; or fails, and takes nothing.
    pub(crate) fn new(rtnl: &Rtnl<'_>, vhost: Arc<Vhost>, vhid: u8) -> Result<Self> {
        let mut members = KVec::with_capacity(1, GFP_KERNEL_ACCOUNT)?;
        let without = Some(Fresh::new(CarpIf::new()?)?);
        let with = Some(Fresh::new(CarpIf::new()?)?);
        vhost.claim(rtnl, vhid)?;
        vhost
            .parent_device()
            .accept_unicast(rtnl, &mac::virtual_mac(vhid))
            .inspect_err(|_| vhost.unclaim(vhid))?;
        members
            .push_within_capacity(Member { vhost, vhid })
            .or(Err(ENOMEM))?;
        Ok(Self {
            members,
            without,
            with,
        })
    }

    /// Gives back what has been taken for it.
    pub(super) fn forget(&self, rtnl: &Rtnl<'_>) {
        for member in &self.members {
            member.forget(rtnl);
        }
    }

    /// The virtual host that it was asked for first.
    pub(super) fn first(&self) -> Option<&Arc<Vhost>> {
        self.members.first().map(|member| &member.vhost)
    }

    /// Makes room for so many others.
    pub(super) fn make_room(&mut self, others: usize) -> Result {
        Ok(self.members.reserve(others, GFP_KERNEL_ACCOUNT)?)
    }

    /// Does what `other` would do as well. There is room for it.
    pub(super) fn take_along(&mut self, other: Self) {
        for member in other.members {
            if let Err(refused) = self.members.push_within_capacity(member) {
                log::warn(
                    refused.0.vhost.parent_device(),
                    fmt!("a change of a vhid was lost: there was no room for it"),
                );
            }
        }
    }

    /// Brings down those that run. What does not run has its vhid at once. False: none runs.
    pub(super) fn begin(&mut self, rtnl: &Rtnl<'_>, parent: &Parent) -> bool {
        self.members.retain(|member| {
            let vhost = &member.vhost;
            let is_there = vhost.vhid() == member.vhid;
            if vhost.is_open() && !is_there {
                return true;
            }
            // What was let in when this was asked for, the device lets in when it is up.
            member.forget(rtnl);
            if !is_there {
                vhost.renumber(rtnl, member.vhid);
            }
            false
        });
        if self.members.is_empty() {
            return false;
        }
        for member in &self.members {
            member.vhost.retire();
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

    /// Nobody is inside any of them. What has been set down since is nobody's business any more.
    pub(super) fn is_at_rest(&self) -> bool {
        let is_at_rest = |vhost: &Vhost| vhost.is_at_rest() || !vhost.is_open();
        self.members.iter().all(|member| is_at_rest(&member.vhost))
    }

    /// Gives them their vhids, and brings up those whose devices have not been set down since.
    pub(super) fn finish(&mut self, rtnl: &Rtnl<'_>, parent: &Parent) {
        let mut runs = false;
        for Member { vhost, vhid } in &self.members {
            let (old, new) = (vhost.mac(), mac::virtual_mac(*vhid));
            vhost.renumber(rtnl, *vhid);
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
