// SPDX-License-Identifier: GPL-2.0
//! A list of virtual addresses, and the solicited-node groups of the IPv6 ones. The parent is a
//! member of those groups in every state, so a take-over waits for nothing.

use crate::{
    proto::{carp::envelope, link::ipv6},
    sys::{
        inet::{self, Ipv4},
        inet6::{self, Ipv6},
        net_device::{NetDevice, Rtnl},
    },
    vhost::families::Families,
};
use core::iter;
use kernel::{alloc::KVec, prelude::*};

/// A list of addresses, and memory for the groups of its IPv6 addresses.
#[derive(Default)]
pub(crate) struct Addresses {
    pub(super) v4: KVec<Ipv4>,
    pub(super) v6: KVec<Ipv6>,
    groups: KVec<Ipv6>,
}

impl Addresses {
    /// The addresses of `device`. Context: RTNL; allocates.
    pub(crate) fn of(rtnl: &Rtnl<'_>, device: &NetDevice) -> Result<Self> {
        let v6 = inet6::addresses(rtnl, device)?;
        Ok(Self {
            v4: inet::addresses(rtnl, device)?,
            groups: Groups::room(v6.len())?.0,
            v6,
        })
    }

    /// The families that have an address in the list.
    pub(super) fn families(&self) -> Families {
        Families {
            v4: !self.v4.is_empty(),
            v6: !self.v6.is_empty(),
        }
    }

    /// The list has `address`. It must be sorted: making a digest of a list sorts it.
    pub(super) fn has_v4(&self, address: &Ipv4) -> bool {
        self.v4.binary_search(address).is_ok()
    }

    pub(super) fn has_v6(&self, address: &Ipv6) -> bool {
        self.v6.binary_search(address).is_ok()
    }

    pub(super) fn take_room(&mut self) -> Groups {
        Groups(core::mem::take(&mut self.groups))
    }
}

/// The IPv6 groups that a parent joins for one carp device. The kernel counts how often the parent
/// has joined a group.
#[derive(Default)]
pub(crate) struct Groups(KVec<Ipv6>);

impl Groups {
    /// An empty list, with room for the groups of this many addresses.
    pub(super) fn room(addresses: usize) -> Result<Self> {
        let room = KVec::with_capacity(addresses.saturating_add(1), GFP_KERNEL_ACCOUNT)?;
        Ok(Self(room))
    }

    /// Adds the group of adverts and the solicited-node groups of `addresses`, as far as there is
    /// room.
    pub(super) fn follow(&mut self, addresses: &Addresses) {
        let asked_for = addresses.v6.iter().map(ipv6::solicited_node);
        for group in Iterator::chain(iter::once(envelope::GROUP_V6), asked_for) {
            let _ = self.0.push_within_capacity(group);
        }
    }

    /// Has `parent` join the groups, and keeps those that it has joined. Fails if out of memory for
    /// any group. A parent without IPv6 joins none.
    pub(super) fn join(&mut self, rtnl: &Rtnl<'_>, parent: &NetDevice) -> Result {
        let mut outcome = Ok(());
        self.0.retain(|group| {
            let joined = inet6::join_group(rtnl, parent, group);
            if joined == Err(ENOMEM) {
                outcome = joined;
            }
            joined.is_ok()
        });
        outcome
    }

    pub(super) fn leave(self, rtnl: &Rtnl<'_>, parent: &NetDevice) {
        for group in &self.0 {
            inet6::leave_group(rtnl, parent, group);
        }
    }
}
