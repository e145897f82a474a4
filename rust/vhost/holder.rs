// SPDX-License-Identifier: GPL-2.0
//! The part of a carp device that its virtual hosts share, and what follows from their states.
//!
//! ```text
//!   Vhost ──> Standing [place] ──> the speaker, the carrier, the ownership of the addresses
//! ```
//!
//! Nothing else sets these three. The device has a carrier, and owns its addresses, while any of
//! its virtual hosts is MASTER, or is at rest and MASTER again after it. One MASTER speaks for the
//! addresses: neighbours are told of one virtual MAC address.
//!
//! Each change of a carrier costs RTNL: the core tells everybody, and walks all IPv6 routes.
//!
//! Context: any but hard interrupts.

use super::lower::Lower;
use crate::{
    address::{announce, ownership::Ownership},
    proto::link::mac,
    sys::{
        atomic::Byte,
        inet::{self, Ipv4},
        inet6::{self, Ipv6},
        lock::{spin_lock_bh, SpinLockBh},
        net_device::{NetDevice, RcuDevice},
    },
};
use kernel::{
    alloc::KVec,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Release},
        rcu::Guard,
        Arc,
    },
};

#[pin_data]
pub(crate) struct Holder {
    device: Arc<RcuDevice>,
    lower: Arc<dyn Lower>,
    ownership: Arc<Ownership>,
    is_open: Atomic<bool>,
    /// For the data path: the vhid of the virtual host that speaks for the addresses.
    speaker: Atomic<Byte>,
    #[pin]
    standings: SpinLockBh<KVec<Standing>>,
}

/// No virtual host has this vhid.
const NOBODY: u8 = 0;

/// What the device has to know of one virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Standing {
    pub(super) vhid: u8,
    pub(super) is_master: bool,
    pub(super) owns_addresses: bool,
}

impl Holder {
    /// The holder of `device` on `lower`, with this many virtual hosts, none of which is MASTER.
    pub(crate) fn new(
        device: Arc<RcuDevice>,
        lower: Arc<dyn Lower>,
        ownership: Arc<Ownership>,
        vhosts: usize,
    ) -> Result<Arc<Self>> {
        let standings = KVec::from_elem(Standing::default(), vhosts, GFP_KERNEL_ACCOUNT)?;
        Arc::pin_init(
            pin_init!(Self {
                device,
                lower,
                ownership,
                is_open: Atomic::new(false),
                speaker: Atomic::new(Byte(NOBODY)),
                standings <- spin_lock_bh!(standings, c"carp standings"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn device(&self) -> &Arc<RcuDevice> {
        &self.device
    }

    pub(super) fn lower(&self) -> &Arc<dyn Lower> {
        &self.lower
    }

    pub(crate) fn ownership(&self) -> &Arc<Ownership> {
        &self.ownership
    }

    /// The device is up.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open.load(Acquire)
    }

    pub(crate) fn set_open(&self, is_open: bool) {
        self.is_open.store(is_open, Release);
    }

    /// The vhid of the MASTER that speaks for the addresses. None: no virtual host is MASTER. For
    /// the data path: no lock, and a word that only a change of state writes.
    pub(crate) fn speaker(&self) -> Option<u8> {
        let vhid = self.speaker.load(Acquire).0;
        (vhid != NOBODY).then_some(vhid)
    }

    /// Sets the standing of the virtual host at `place`. Called with the lock of that virtual host
    /// held, so that changes show in their order. True: another virtual host speaks for the
    /// addresses now.
    pub(super) fn show(&self, guard: &Guard, place: usize, standing: Standing) -> bool {
        let mut standings = self.standings.lock();
        if let Some(known) = standings.get_mut(place) {
            *known = standing;
        }
        let master = standings.iter().find(|standing| standing.is_master);
        let speaker = master.map_or(NOBODY, |master| master.vhid);
        let before = self.speaker.xchg(Byte(speaker), Full).0;
        let owned = standings.iter().any(|standing| standing.owns_addresses);
        if let Some(device) = self.device.get(guard) {
            device.set_carrier(owned);
        }
        self.ownership.set(guard, owned);
        before != NOBODY && speaker != NOBODY && before != speaker
    }

    /// Announces the addresses to the neighbours, if a virtual host is MASTER.
    pub(super) fn announce(&self, guard: &Guard) {
        let Some(device) = self.device.get(guard) else {
            return;
        };
        for address in inet::addresses_rcu(guard, device) {
            self.announce_v4(address);
        }
        for address in inet6::addresses_rcu(guard, device) {
            self.announce_v6(guard, device, &address.address());
        }
    }

    pub(crate) fn announce_v4(&self, address: Ipv4) {
        if let Some(vhid) = self.speaker() {
            announce::v4(self.lower.device(), &mac::virtual_mac(vhid), address);
        }
    }

    pub(crate) fn announce_v6(&self, guard: &Guard, device: &NetDevice, address: &Ipv6) {
        if let Some(vhid) = self.speaker() {
            announce::v6(guard, self.lower.device(), vhid, device, address, None);
        }
    }
}
