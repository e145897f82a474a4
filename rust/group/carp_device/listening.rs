// SPDX-License-Identifier: GPL-2.0
//! The addresses of a carp device, and what its parent listens to for it.
//!
//! Context: RTNL, unless a function says something else.

use super::CarpDevice;
use crate::{
    address::table,
    group::{
        addresses::{Addresses, Groups},
        operation::Kind,
    },
    proto::carp::envelope,
    sys::{
        inet, inet6,
        net_device::{Rtnl, RtnlGuard},
        queue::{self, impl_work, Job},
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Release},
        rcu::Guard,
        Arc, ArcBorrow,
    },
};

impl_work!(CarpDevice, work);

impl Job for CarpDevice {
    fn run(this: Arc<Self>) {
        // If it fails, this runs again.
        let _ = this.as_arc_borrow().catch_up(&RtnlGuard::new());
    }
}

impl CarpDevice {
    /// The device is set up. Its parent lets in the frames for it. The virtual hosts run once the
    /// device has joined the parent's snapshot, for which its addresses are read again. Fails if
    /// out of memory, and then takes everything back.
    pub(crate) fn open(&self, rtnl: &Rtnl<'_>) -> Result {
        self.let_in(rtnl)?;
        let begin = || {
            self.addresses_changed.store(false, Release);
            let device = self.device().get_rtnl(rtnl).ok_or(ENODEV)?;
            self.put_in_table(rtnl, &Addresses::of(rtnl, device)?)?;
            self.holder.set_open(true);
            Ok(())
        };
        begin().inspect_err(|_| self.stop_listening(rtnl))
    }

    /// The device has been set down, or could not be set up. Its parent lets in nothing for it any
    /// more.
    pub(crate) fn stop_listening(&self, rtnl: &Rtnl<'_>) {
        self.holder.set_open(false);
        // If out of memory, the entries stay. They are not found once the device is down.
        let _ = self.put_in_table(rtnl, &Addresses::default());
        // Leaving takes no memory.
        let _ = self.listen(rtnl, Groups::default());
        inet::leave_group(rtnl, self.parent_device(), envelope::GROUP_V4);
        self.keep_out(rtnl, usize::MAX);
    }

    /// Adds the virtual MAC addresses to the parent's filter, and joins the IPv4 group of adverts.
    /// Setting the device up does that, and not failover, since hardware may take its time.
    fn let_in(&self, rtnl: &Rtnl<'_>) -> Result {
        let parent = self.parent_device();
        for vhost in self.vhosts() {
            parent
                .accept_unicast(rtnl, &vhost.mac())
                .inspect_err(|_| self.keep_out(rtnl, vhost.place()))?;
        }
        inet::join_group(rtnl, parent, envelope::GROUP_V4)
            .inspect_err(|_| self.keep_out(rtnl, usize::MAX))
    }

    /// Removes the MAC addresses of the first `count` virtual hosts from the parent's filter.
    fn keep_out(&self, rtnl: &Rtnl<'_>, count: usize) {
        for vhost in self.vhosts().take(count) {
            self.parent_device().drop_unicast(rtnl, &vhost.mac());
        }
    }

    /// Sets the addresses that the data path finds for this device.
    fn put_in_table(&self, rtnl: &Rtnl<'_>, addresses: &Addresses) -> Result {
        let Addresses { v4, v6, .. } = addresses;
        table::set(rtnl, self.holder.device(), self.parent_device(), v4, v6)
    }

    /// Has the parent join the groups of the IPv6 addresses while the device is up, and leave all
    /// other groups. Fails if out of memory for any group.
    fn listen(&self, rtnl: &Rtnl<'_>, mut groups: Groups) -> Result {
        if self.is_open() {
            groups.follow(&self.core.lock().addresses);
        }
        // Joining comes first: a group in both lists is not left and joined again.
        let outcome = groups.join(rtnl, self.parent_device());
        let old = core::mem::replace(&mut self.core.lock().groups, groups);
        old.leave(rtnl, self.parent_device());
        outcome
    }

    /// Forgets the groups of a parent without IPv6. A parent whose MTU is too small loses IPv6, and
    /// its memberships with it.
    pub(crate) fn forget_lost_groups(&self, rtnl: &Rtnl<'_>) {
        if !inet6::is_there(rtnl, self.parent_device()) {
            let lost = core::mem::take(&mut self.core.lock().groups);
            drop(lost);
        }
    }

    /// The list of addresses has changed, and cannot be read here. Any context.
    pub(crate) fn addresses_changed(self: ArcBorrow<'_, Self>) {
        self.addresses_changed.store(true, Release);
        queue::enqueue::<Self>(self.into());
    }

    /// Reads the addresses of the device, if it is up. If out of memory, it fails, and the work
    /// item reads them later. Those of a device that is down are read when it is set up: a list
    /// that grows one by one, or is deleted, would be sorted and hashed as often as it is long.
    pub(crate) fn read_addresses(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result {
        self.addresses_changed.store(false, Release);
        let device = self.device().get_rtnl(rtnl).filter(|_| self.is_open());
        let Some(device) = device else {
            return Ok(());
        };
        let read = || {
            let list = Addresses::of(rtnl, device)?;
            self.put_in_table(rtnl, &list)?;
            self.parent
                .submit_request(rtnl, Kind::Addresses(self.into(), list));
            Ok(())
        };
        read().inspect_err(|_| self.read_addresses_later())
    }

    /// Out of memory: reads the addresses later.
    fn read_addresses_later(self: ArcBorrow<'_, Self>) {
        self.addresses_changed.store(true, Release);
        queue::retry::<Self>(self.into());
    }

    /// Reads the addresses, if a change of the list has not been read yet.
    pub(crate) fn catch_up(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result {
        if self.addresses_changed.load(Acquire) {
            self.read_addresses(rtnl)?;
        }
        Ok(())
    }

    /// Sets the addresses that the device has now. If out of memory, the work item does so later.
    pub(in crate::group) fn take_addresses(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) {
        let Some(device) = self.device().get_rtnl(rtnl) else {
            return;
        };
        match Addresses::of(rtnl, device) {
            Ok(addresses) => self.set_addresses(rtnl, addresses),
            Err(_) => self.read_addresses_later(),
        }
    }

    /// Sets the virtual addresses.
    pub(in crate::group) fn set_addresses(
        self: ArcBorrow<'_, Self>,
        rtnl: &Rtnl<'_>,
        mut addresses: Addresses,
    ) {
        let room = addresses.take_room();
        let families = addresses.families();
        let mut announces = false;
        for vhost in self.vhosts() {
            let unhashed = self.unhashed(vhost);
            let digest = unhashed.of(&mut addresses.v4, &mut addresses.v6);
            announces |= vhost.addresses_changed(families, digest);
        }
        let old = core::mem::replace(&mut self.core.lock().addresses, addresses);
        if self.listen(rtnl, room).is_err() {
            self.read_addresses_later();
        }
        for vhost in self.vhosts() {
            vhost.start_or_stop(rtnl);
        }
        if announces {
            self.announce_all_but(&old);
        }
    }

    /// Announces the addresses to the neighbours, except for those in `old`. RTNL keeps the list as
    /// it is.
    fn announce_all_but(&self, old: &Addresses) {
        let guard = Guard::new();
        for index in 0.. {
            let Some(address) = self.core.lock().addresses.v4.get(index).copied() else {
                break;
            };
            if !old.has_v4(&address) {
                self.holder.announce_v4(address);
            }
        }
        for index in 0.. {
            let address = self.core.lock().addresses.v6.get(index).copied();
            let (Some(address), Some(device)) = (address, self.device().get(&guard)) else {
                break;
            };
            if !old.has_v6(&address) {
                self.holder.announce_v6(&guard, device, &address);
            }
        }
    }
}
