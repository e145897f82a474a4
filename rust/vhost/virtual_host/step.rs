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
//! Steps come on all CPUs, and an advert is sent without a lock. So one step at a time sends, for
//! the others too, in the order of the states. After "I leave" no peer hears an "I am MASTER" from
//! before.
//!
//! A new MASTER is silent until the FIB has the routes of its addresses, or until a while has
//! passed. Whoever hears of the MASTER begins to send to it. What the machine wants to say in this
//! time is said afterwards, except for "I leave".

use super::{Core, Vhost};
use crate::{
    proto::machine::{Actions, AdvertKind, Change, Event, State},
    sys::{clock, lock::SoftirqsOff, net_device::NetDevice, timer::HasTimer, trace},
    vhost::{adverts::Frames, status::LastChange},
};
use kernel::sync::{atomic::Release, rcu::Guard};

/// A new MASTER waits for the routes at most this long.
const LONGEST_SILENCE_NS: u64 = 20_000_000;
/// It waits at most its interval divided by this, too.
const INTERVALS_TO_SILENCE: u64 = 8;

/// What is to be sent.
#[derive(Default)]
pub(super) struct Outbox {
    /// The advert that is not sent yet. The next one takes its place.
    advert: Option<Frames>,
    /// A step is sending, and will send what is put here meanwhile.
    is_open: bool,
    /// A new MASTER is silent until then, unless the routes are there before.
    silent_until_ns: Option<u64>,
}

impl Outbox {
    /// Takes the advert, unless a step is sending. The caller sends it, and calls [`Outbox::sent`]
    /// after that.
    fn take(&mut self) -> Option<Frames> {
        if self.is_open {
            return None;
        }
        let advert = self.advert.take();
        self.is_open = advert.is_some();
        advert
    }

    /// The virtual host is not a new MASTER that is silent.
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
            // No softirq delays this step: others leave it to this step to send their adverts.
            let _softirqs = SoftirqsOff::new();
            let (mut advert, announces) = self.run(&guard, &mut |core, now_ns| {
                input
                    .take()
                    .map_or_else(Actions::default, |input| input(core, now_ns))
            });
            // How sending went is an input too. The machine can only answer with an advert that has
            // the new demotion, and how sending that one went changes nothing more.
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
            self.holder.announce(&guard);
        }
    }

    /// The FIB has the routes of the addresses. Context: process.
    pub(crate) fn invite(&self) {
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
        let device = self.device().get(guard);
        let is_handed_over = self.show(guard, &mut core);
        if let Some(change) = actions.changed {
            // An advert that is still to be sent is about another state.
            core.outbox.advert = None;
            core.note(device, change);
        }
        self.keep_silent(&mut core, now_ns, &mut actions);
        if let Some(kind) = actions.send {
            core.write(guard, self.parent_device(), device, now_ns, kind);
        }
        self.follow_deadline(&mut core);
        (core.outbox.take(), actions.announce || is_handed_over)
    }

    /// Has the timer fire no later than there is something to do. A deadline may move away, as it
    /// does with each advert that a BACKUP hears. That leaves the timer as it is: it fires too
    /// early, and is armed again then.
    fn follow_deadline(&self, core: &mut Core) {
        let silent_until_ns = core.outbox.silent_until_ns;
        let deadline_ns = core.machine.deadline_ns();
        let deadline_ns = deadline_ns.map(|at| silent_until_ns.map_or(at, |until| until.min(at)));
        match (core.armed_ns, deadline_ns) {
            (None, None) => return,
            (Some(armed_ns), Some(deadline_ns)) if armed_ns <= deadline_ns => return,
            (_, Some(deadline_ns)) => self.arm(deadline_ns),
            (Some(_), None) => self.disarm(),
        }
        core.armed_ns = deadline_ns;
    }

    /// Holds back what a new MASTER has to say until the routes are there, or until it has waited
    /// for long enough.
    fn keep_silent(&self, core: &mut Core, now_ns: u64, actions: &mut Actions) {
        let ownership = self.holder.ownership();
        if actions.changed.is_some() {
            let is_silent = core.machine.state() == State::Master && ownership.lacks_routes();
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
        let speaks = now_ns >= until_ns || !ownership.lacks_routes();
        if speaks {
            core.outbox.silent_until_ns = None;
        }
        actions.send = speaks.then_some(AdvertKind::Regular);
        actions.announce = speaks;
    }

    /// Makes a change visible. Called with the lock held, so that changes show in their order.
    /// True: another virtual host of the device speaks for the addresses now, and the caller is to
    /// announce them.
    fn show(&self, guard: &Guard, core: &mut Core) -> bool {
        let standing = core.standing();
        if core.standing == standing {
            return false;
        }
        core.standing = standing;
        self.is_master.store(standing.is_master, Release);
        self.holder.show(guard, self.place(), standing)
    }
}

impl Core {
    /// The state has changed.
    fn note(&mut self, device: Option<&NetDevice>, change: Change) {
        if let Some(device) = device {
            trace::carp_state(
                device,
                change.from as u8,
                change.to as u8,
                change.reason as u8,
            );
        }
        self.last_change = Some(LastChange {
            reason: change.reason,
            at_ms: clock::wall_clock_ms(),
        });
        self.counters.count_change(change.to == State::Master);
    }

    /// Writes the next advert. It takes the place of one that has not been sent.
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
        let frames = Frames::new(machine, signatures, now_ns, kind, parent, &sources);
        self.outbox.advert = Some(frames);
    }
}
