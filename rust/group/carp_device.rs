// SPDX-License-Identifier: GPL-2.0
//! A carp device: what Linux owns, and the virtual hosts that it holds.
//!
//! ```text
//!   net_device ──> CarpDevice ──> Vhost ──> Holder ──> net_device
//!                       +──> Seat ──> Parent
//! ```
//!
//! The addresses, the key and the group name are the device's. A request to the device is for all
//! its virtual hosts, except for a vhid, which is for one of them. A device that a user makes has
//! one virtual host.
//!
//! Context: RTNL, unless a function says something else.

mod listening;

use super::{
    addresses::{Addresses, Groups},
    home::Seat,
    parent::Parent,
    settings::Settings,
    ties::GroupName,
};
use crate::{
    address::{conflicts::Conflicts, ownership::Ownership},
    proto::{config::Config, link::mac, machine::State},
    sys::{
        hmac::Key,
        link,
        lock::{spin_lock_bh, SpinLockBh},
        net_device::{Mac, NetDevice, RcuDevice, Rtnl},
        queue::{work, Work},
    },
    vhost::{digest::Unhashed, holder::Holder, virtual_host::Vhost},
};
use core::{iter, net::IpAddr};
use kernel::{
    alloc::KVec,
    prelude::*,
    sync::{atomic::Atomic, Arc},
};

#[pin_data]
pub(crate) struct CarpDevice {
    /// The device has the MAC address of this virtual host, and is known by its vhid.
    first: Arc<Vhost>,
    others: KVec<Arc<Vhost>>,
    holder: Arc<Holder>,
    parent: Seat,
    /// The list of addresses has changed in a context that could not read it.
    addresses_changed: Atomic<bool>,
    conflicts: Conflicts,
    #[pin]
    core: SpinLockBh<Core>,
    /// Reads a list of addresses that could not be read before.
    #[pin]
    work: Work<CarpDevice>,
}

/// What the lock protects. No other lock is taken under it.
struct Core {
    key: Key,
    addresses: Addresses,
    /// The groups that the parent has joined for this device.
    groups: Groups,
    /// The vhids that the virtual hosts will have, in the order of the requests.
    claims: KVec<Claim>,
    /// The group name: devices of one name fail over together.
    group: GroupName,
}

/// The virtual host at `place` will have `vhid`.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Claim {
    place: usize,
    vhid: u8,
}

/// The FIB now has the routes of the addresses of `device`. Context: process.
fn invite(device: &NetDevice) {
    if let Some(carp) = link::of::<CarpDevice>(device) {
        for vhost in carp.vhosts() {
            vhost.invite();
        }
    }
}

impl CarpDevice {
    /// A carp device on `parent`, with a virtual host for each of `first` and `others`.
    pub(crate) fn new(
        first: &Config,
        others: &[Config],
        key: Key,
        group: GroupName,
        parent: Arc<Parent>,
    ) -> Result<Arc<Self>> {
        let vhosts = others.len().saturating_add(1);
        let device = Arc::new(RcuDevice::empty(), GFP_KERNEL_ACCOUNT)?;
        let ownership = Ownership::new(device.clone(), parent.device(), invite)?;
        let holder = Holder::new(device, parent.clone(), ownership, vhosts)?;
        let parent = Seat::new(parent, vhosts)?;
        let vhost = |place, config: &Config| {
            let digest = Unhashed::new(&key, config.vhid).of(&mut [], &mut []);
            Vhost::new(*config, digest, holder.clone(), place)
        };
        let first = vhost(0, first)?;
        let mut list = KVec::with_capacity(others.len(), GFP_KERNEL_ACCOUNT)?;
        for (place, config) in (1..).zip(others) {
            list.push_within_capacity(vhost(place, config)?)
                .or(Err(ENOMEM))?;
        }
        let core = Core {
            key,
            addresses: Addresses::default(),
            groups: Groups::default(),
            claims: KVec::new(),
            group,
        };
        Arc::pin_init(
            pin_init!(Self {
                first,
                others: list,
                holder,
                parent,
                addresses_changed: Atomic::new(false),
                conflicts: Conflicts::new(),
                core <- spin_lock_bh!(core, c"carp device"),
                work <- work!("carp addresses"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Its `net_device`, which it finds under RCU or RTNL.
    pub(crate) fn device(&self) -> &RcuDevice {
        self.holder.device()
    }

    pub(crate) fn parent(&self) -> &Arc<Parent> {
        &self.parent
    }

    pub(crate) fn parent_device(&self) -> &NetDevice {
        self.parent.device()
    }

    pub(crate) fn ownership(&self) -> &Arc<Ownership> {
        self.holder.ownership()
    }

    /// This host owns the addresses. For the data path.
    pub(crate) fn owns_addresses(&self) -> bool {
        self.ownership().is_owned()
    }

    /// The vhid of the virtual host that speaks for the addresses, if any is MASTER. For the data
    /// path.
    pub(crate) fn speaker(&self) -> Option<u8> {
        self.holder.speaker()
    }

    /// The device is up. Any context.
    pub(crate) fn is_open(&self) -> bool {
        self.holder.is_open()
    }

    /// The virtual host whose vhid names the device.
    pub(crate) fn first(&self) -> &Arc<Vhost> {
        &self.first
    }

    pub(crate) fn vhosts(&self) -> impl Iterator<Item = &Arc<Vhost>> {
        Iterator::chain(iter::once(&self.first), self.others.iter())
    }

    /// `mac` is the virtual MAC address of one of its virtual hosts.
    pub(crate) fn has_mac(&self, mac: &Mac) -> bool {
        self.vhosts().any(|vhost| vhost.mac() == *mac)
    }

    /// A neighbour with `mac` claims `address` of `device`, which is the `net_device` of this one.
    /// Any context.
    pub(crate) fn claimed(&self, device: &NetDevice, address: IpAddr, mac: &Mac) {
        if !self.has_mac(mac) {
            self.conflicts.claimed(device, address, mac);
        }
    }

    /// The virtual host that has this vhid, or will have it. No other virtual host on the parent
    /// may have it.
    pub(crate) fn claimant(&self, vhid: u8) -> Option<&Arc<Vhost>> {
        let claims = |vhost: &Vhost| {
            let claim = Claim {
                place: vhost.place(),
                vhid,
            };
            vhost.vhid() == vhid || self.core.lock().claims.contains(&claim)
        };
        self.vhosts().find(|vhost| claims(vhost))
    }

    /// Calls `f` with each MAC address that the parent lets in for this device, until `f` fails.
    /// These are the addresses of its virtual hosts while the device is up, and those of the vhids
    /// that they claim.
    pub(super) fn for_each_mac(
        &self,
        _rtnl: &Rtnl<'_>,
        f: &mut dyn FnMut(&Mac) -> Result,
    ) -> Result {
        if self.is_open() {
            self.vhosts().try_for_each(|vhost| f(&vhost.mac()))?;
        }
        let mut at = 0_usize;
        loop {
            // RTNL keeps the list as it is; `f` is not called with the lock held.
            let claim = self.core.lock().claims.get(at).copied();
            let Some(Claim { vhid, .. }) = claim else {
                return Ok(());
            };
            f(&mac::virtual_mac(vhid))?;
            at = at.saturating_add(1);
        }
    }

    /// The vhid that `vhost` will have when all requests so far are done.
    pub(crate) fn intended_vhid(&self, vhost: &Vhost) -> u8 {
        let core = self.core.lock();
        let mut claims = core.claims.iter().rev();
        let last = claims.find(|claim| claim.place == vhost.place());
        last.map_or(vhost.vhid(), |claim| claim.vhid)
    }

    /// Claims `vhid` for `vhost`, after the vhids that `vhost` claims already.
    pub(super) fn claim(&self, _rtnl: &Rtnl<'_>, vhost: &Vhost, vhid: u8) -> Result {
        let claim = Claim {
            place: vhost.place(),
            vhid,
        };
        // Allocated without the lock; RTNL keeps others from claiming meanwhile.
        let len = self.core.lock().claims.len();
        let mut claims = KVec::with_capacity(len.saturating_add(1), GFP_KERNEL_ACCOUNT)?;
        let old = {
            let mut core = self.core.lock();
            for claim in Iterator::chain(core.claims.iter(), [&claim]) {
                claims.push_within_capacity(*claim).or(Err(ENOMEM))?;
            }
            core::mem::replace(&mut core.claims, claims)
        };
        drop(old);
        Ok(())
    }

    /// `vhost` does not claim `vhid` any more: it has that vhid now, or the change of the vhid was
    /// dropped.
    pub(super) fn drop_claim(&self, vhost: &Vhost, vhid: u8) {
        let claim = Claim {
            place: vhost.place(),
            vhid,
        };
        let mut core = self.core.lock();
        if let Some(index) = core.claims.iter().position(|known| *known == claim) {
            let _ = core.claims.remove(index);
        }
    }

    /// Gives `vhost` another vhid. `vhost` is at rest, or the device is down.
    pub(super) fn renumber(&self, rtnl: &Rtnl<'_>, vhost: &Vhost, vhid: u8) {
        vhost.renumber(vhid);
        self.drop_claim(vhost, vhid);
        self.sign_anew(vhost);
        if core::ptr::eq(vhost, &*self.first) {
            if let Some(device) = self.device().get_rtnl(rtnl) {
                device.change_address(rtnl, &vhost.mac());
            }
        }
    }

    /// Has `vhost` sign with the current key and vhid. The list of addresses can be long, so it is
    /// hashed without the lock. RTNL keeps others from reading and from changing it meanwhile.
    fn sign_anew(&self, vhost: &Vhost) {
        let unhashed = self.unhashed(vhost);
        let mut addresses = core::mem::take(&mut self.core.lock().addresses);
        let digest = unhashed.of(&mut addresses.v4, &mut addresses.v6);
        self.core.lock().addresses = addresses;
        vhost.sign_anew(digest);
    }

    /// A digest for `vhost`, with the current key and vhid.
    fn unhashed(&self, vhost: &Vhost) -> Unhashed {
        Unhashed::new(&self.core.lock().key, vhost.vhid())
    }

    /// A virtual host runs, or may run when the current operation is done.
    pub(crate) fn is_to_run(&self) -> bool {
        self.vhosts().any(|vhost| vhost.runs())
            || self.is_open() && self.parent.serializer().is_busy()
    }

    /// The device has joined the parent's snapshot.
    pub(super) fn joined(&self, rtnl: &Rtnl<'_>) {
        for vhost in self.vhosts() {
            vhost.joined(rtnl);
        }
    }

    /// The device is set down, and about to leave the snapshot.
    pub(crate) fn close(&self) {
        self.holder.set_open(false);
        for vhost in self.vhosts() {
            vhost.close();
        }
        // An operation may wait for one of the virtual hosts to come to rest.
        self.parent.serializer().wake();
    }

    /// The device or the host is about to be set down. Each MASTER of the device tells its peers
    /// that it leaves. The device is open until then, since it is still in the snapshot. Context:
    /// any but hard interrupts.
    pub(crate) fn say_goodbye(&self) {
        for vhost in self.vhosts() {
            vhost.say_goodbye();
        }
    }

    /// Any context.
    pub(crate) fn group(&self) -> GroupName {
        self.core.lock().group
    }

    /// Sets whether a parent of its group does not work.
    pub(super) fn set_group_down(&self, down: bool) {
        for vhost in self.vhosts() {
            vhost.set_group_down(down);
        }
    }

    /// Changes the settings, and the key if there is a new one.
    pub(super) fn configure(&self, settings: &mut Settings) {
        if let Some(group) = settings.group {
            self.core.lock().group = group;
        }
        if let Some(key) = settings.key.take() {
            let old = core::mem::replace(&mut self.core.lock().key, key);
            drop(old);
            for vhost in self.vhosts() {
                self.sign_anew(vhost);
            }
        }
        for vhost in self.vhosts() {
            vhost.configure(&settings.changes);
        }
    }

    /// Changes the state to the requested one, if the machine allows it.
    pub(super) fn request(&self, state: State) {
        for vhost in self.vhosts() {
            vhost.request(state);
        }
    }
}
