// SPDX-License-Identifier: GPL-2.0
//! One step of a virtual host: the machine runs, what it says becomes visible, and its advert
//! leaves.
//!
//! ```text
//!   step ──core──> run ──> outbox ──> the one that sends ──> parent
//!                   ^                         |
//!                   +---- how it went --------+
//! ```
//!
//! Steps come on all CPUs, and an advert is sent without a lock. Of those that have one to send,
//! one sends for all, in the order of the states that the adverts tell of: after "I leave" no peer
//! hears "I am MASTER" that was said before.
//!
//! A new MASTER is silent until the tables have the routes of its addresses, or until a while has
//! passed: who hears of it begins to send to it. What the machine wants to say in this time is said
//! after it, but for "I leave".

use super::{Core, Vhost};
use crate::{
    address::announce,
    group::{addresses::Addresses, adverts::Frames, status::LastChange},
    proto::machine::{Actions, AdvertKind, Change, Event, State},
    sys::{
        clock, inet,
        inet6::{self, Ipv6},
        lock::SoftirqsOff,
        net_device::NetDevice,
        timer::HasTimer,
        trace,
    },
};
use kernel::sync::atomic::Release;
use kernel::sync::rcu::Guard;

/// The routes are waited for as long as this, and no longer than this part of an interval.
const LONGEST_SILENCE_NS: u64 = 20_000_000;
const INTERVALS_TO_SILENCE: u64 = 8;

/// What is to be sent.
#[derive(Default)]
pub(super) struct Outbox {
    /// Not sent yet; the next one takes its place.
    advert: Option<Frames>,
    /// Somebody sends, and will send what is there.
    is_open: bool,
    /// A new MASTER says nothing until then, unless the routes are there before.
    silent_until_ns: Option<u64>,
}

impl Outbox {
    /// For one that is to send it, and to call [`Outbox::sent`] after it.
    fn take(&mut self) -> Option<Frames> {
        if self.is_open {
            return None;
        }
        let advert = self.advert.take();
        self.is_open = advert.is_some();
        advert
    }

    /// What a new MASTER has to say can be said.
    pub(super) fn speaks(&self) -> bool {
        self.silent_until_ns.is_none()
    }

    fn sent(&mut self) {
        self.is_open = false;
    }
}

impl Vhost {
    /// Runs the machine and does what it asks for. Context: any but hard interrupts, without locks
    /// that sending a packet could want.
    pub(super) fn step(&self, input: impl FnOnce(&mut Core, u64) -> Actions) {
        let guard = Guard::new();
        let mut input = Some(input);
        let announces = {
            // Others may wait for this one to have sent.
            let _softirqs = SoftirqsOff::new();
            let (mut advert, announces) = self.run(&guard, &mut |core, now_ns| {
                input
                    .take()
                    .map_or_else(Actions::default, |input| input(core, now_ns))
            });
            // How sending went is an input too, whose only answer can be an advert with the new
            // demotion; that one's outcome then changes nothing more.
            while let Some(frames) = advert {
                let outcome = frames.send(self.parent_device());
                (advert, _) = self.run(&guard, &mut |core, now_ns| {
                    core.outbox.sent();
                    core.counters.count_sent(&outcome);
                    let event = if outcome.is_success() {
                        Event::SendOk
                    } else {
                        Event::SendFailed
                    };
                    core.machine.event(now_ns, event)
                });
            }
            announces
        };
        if announces {
            self.announce(&guard);
        }
    }

    /// The tables have the routes of its addresses. Context: process.
    pub(super) fn invite(&self) {
        let Some(_inside) = self.enter() else { return };
        self.step(|_, _| Actions::default());
    }

    /// Runs the machine on one input. Returns what the caller is to send, and whether it is to
    /// announce the addresses.
    fn run(
        &self,
        guard: &Guard,
        input: &mut dyn FnMut(&mut Core, u64) -> Actions,
    ) -> (Option<Frames>, bool) {
        let now_ns = clock::now_ns();
        let mut core = self.core.lock();
        core.machine.set_clock(clock::wall_clock_ms());
        let mut actions = input(&mut core, now_ns);
        if let Some(change) = actions.changed {
            // What is still to be sent is about another state.
            core.outbox.advert = None;
            self.state_changed(guard, &mut core, change);
        }
        let device = self.device.get(guard);
        self.ownership.set(guard, core.owns_addresses());
        self.keep_silent(&mut core, now_ns, &mut actions);
        if let Some(kind) = actions.send {
            core.write(guard, self.parent_device(), device, now_ns, kind);
        }
        let deadline_ns = core.machine.deadline_ns();
        match deadline_ns.map(|at| {
            core.outbox
                .silent_until_ns
                .map_or(at, |until| until.min(at))
        }) {
            Some(deadline_ns) => self.arm(deadline_ns),
            None => self.disarm(),
        }
        (core.outbox.take(), actions.announce)
    }

    /// A new MASTER says what it has to say when the routes are there, or when it has waited for
    /// long enough.
    fn keep_silent(&self, core: &mut Core, now_ns: u64, actions: &mut Actions) {
        if actions.changed.is_some() {
            let is_silent = core.machine.state() == State::Master && self.ownership.lacks_routes();
            let interval_ns = core
                .machine
                .deadline_ns()
                .unwrap_or(now_ns)
                .saturating_sub(now_ns);
            let longest_ns = (interval_ns / INTERVALS_TO_SILENCE).min(LONGEST_SILENCE_NS);
            core.outbox.silent_until_ns = is_silent.then(|| now_ns.saturating_add(longest_ns));
        }
        let Some(until_ns) = core.outbox.silent_until_ns else {
            return;
        };
        let speaks = now_ns >= until_ns || !self.ownership.lacks_routes();
        if speaks {
            core.outbox.silent_until_ns = None;
        }
        actions.send = speaks.then_some(AdvertKind::Regular);
        actions.announce = speaks;
    }

    /// Makes a change visible. Called with the lock held, so that changes show in their order.
    fn state_changed(&self, guard: &Guard, core: &mut Core, change: Change) {
        let is_master = change.to == State::Master;
        self.is_master.store(is_master, Release);
        if let Some(device) = self.device.get(guard) {
            device.set_carrier(is_master);
            trace::carp_state(
                device,
                change.from as u8,
                change.to as u8,
                change.reason as u8,
            );
        }
        core.last_change = Some(LastChange {
            reason: change.reason,
            at_ms: clock::wall_clock_ms(),
        });
        core.counters.count_change(is_master);
    }

    /// Tells the neighbours where its addresses are, as long as they are here.
    pub(super) fn announce(&self, guard: &Guard) {
        let Some(device) = self.device.get(guard) else {
            return;
        };
        for address in inet::addresses_rcu(guard, device) {
            if self.is_master() {
                announce::v4(self.parent_device(), &self.mac(), address);
            }
        }
        for address in inet6::addresses_rcu(guard, device) {
            if self.is_master() {
                self.announce_v6(guard, device, &address.address());
            }
        }
    }

    fn announce_v6(&self, guard: &Guard, device: &NetDevice, address: &Ipv6) {
        let parent = self.parent_device();
        announce::v6(guard, parent, self.vhid(), device, address, None);
    }

    /// As [`Vhost::announce`], but for those in `old`. RTNL is held, so the list does not change.
    pub(super) fn announce_all_but(&self, old: &Addresses) {
        let guard = Guard::new();
        for index in 0.. {
            let Some(address) = self.core.lock().addresses.v4.get(index).copied() else {
                break;
            };
            if !old.has_v4(&address) && self.is_master() {
                announce::v4(self.parent_device(), &self.mac(), address);
            }
        }
        for index in 0.. {
            let address = self.core.lock().addresses.v6.get(index).copied();
            let (Some(address), Some(device)) = (address, self.device.get(&guard)) else {
                break;
            };
            if !old.has_v6(&address) && self.is_master() {
                self.announce_v6(&guard, device, &address);
            }
        }
    }
}

impl Core {
    /// Writes the next advert, in the place of one that has not been sent.
    fn write(
        &mut self,
        guard: &Guard,
        parent: &NetDevice,
        device: Option<&NetDevice>,
        now_ns: u64,
        kind: AdvertKind,
    ) {
        let sources = self.families.sources(guard, parent, device);
        let (machine, signatures) = (&mut self.machine, &self.signatures);
        self.outbox.advert = Some(Frames::new(machine, signatures, now_ns, kind, &sources));
    }
}
