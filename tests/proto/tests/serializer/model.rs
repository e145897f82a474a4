// SPDX-License-Identifier: GPL-2.0
//! What a queue is to do, said as plainly as possible and without regard to what it costs: what
//! waits has a time, and the order is that of the times.

use carp_proto_tests::serializer::kind::Kind;
use carp_proto_tests::serializer::operation::Subject;

use super::operation::Id;

/// One operation that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Slot {
    pub kind: Kind,
    pub subject: Subject,
    pub joins: bool,
    pub requests: Vec<Id>,
    pub time: u64,
}

/// What is current waits for that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// A thread, which runs a step.
    Thread,
    Turn,
    Memory,
    Free,
    FreeThenRest,
    Look,
    User,
}

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Current {
    /// None: something that could not wait for its turn.
    pub slot: Option<Slot>,
    pub wait: Wait,
    /// So many are being folded into it.
    pub folding: usize,
}

#[derive(Default)]
pub struct Model {
    pub current: Option<Current>,
    slots: Vec<Slot>,
}

/// So many of a kind wait at once about the same.
fn at_once(kind: Kind) -> usize {
    if kind == Kind::Sync {
        2
    } else {
        1
    }
}

pub fn is_of_vhost(kind: Kind) -> bool {
    use Kind::*;
    [Join, Configure, State, Vhid, Addresses].contains(&kind)
}

impl Model {
    /// The one that `slot` is merged with, if as many wait as can.
    pub fn mergeable(&self, slot: &Slot) -> Option<&Slot> {
        let mut same = self.waiting();
        same.retain(|known| known.kind == slot.kind && known.subject == slot.subject);
        same.into_iter().nth(at_once(slot.kind) - 1)
    }

    pub fn submit(&mut self, slot: Slot) {
        let Some(known) = self.mergeable(&slot) else {
            return self.slots.push(slot);
        };
        let time = known.time;
        let is_it = |other: &&mut Slot| other.time == time;
        let known = self.slots.iter_mut().find(is_it).unwrap();
        known.requests.extend(slot.requests);
        known.joins |= slot.joins;
        if [Kind::State, Kind::Sync].contains(&slot.kind) {
            known.time = slot.time;
        }
    }

    /// It comes from another group.
    pub fn receive(&mut self, slot: Slot, time: u64) {
        self.slots.push(Slot { time, ..slot });
    }

    /// Those that wait, in the order in which they are to be done.
    pub fn waiting(&self) -> Vec<&Slot> {
        let mut waiting: Vec<&Slot> = self.slots.iter().collect();
        waiting.sort_by_key(|slot| slot.time);
        waiting
    }

    pub fn first(&self) -> Option<Slot> {
        self.waiting().first().copied().cloned()
    }

    pub fn take(&mut self, mut which: impl FnMut(&Slot) -> bool) -> Vec<Slot> {
        let mut waiting = std::mem::take(&mut self.slots);
        waiting.sort_by_key(|slot| slot.time);
        let (taken, left) = waiting.into_iter().partition(|slot| which(slot));
        self.slots = left;
        taken
    }

    /// Takes the first one, and those that go through the same rest.
    pub fn start(&mut self) -> (Slot, Vec<Slot>) {
        assert!(self.current.is_none(), "its predecessor has not finished");
        let first = self.first().unwrap();
        self.take(|slot| *slot == first);
        let along = self.take(|slot| {
            let same_parent = slot.subject.parent == first.subject.parent;
            slot.kind == Kind::Vhid && first.kind == Kind::Vhid && same_parent
        });
        (first, along)
    }

    /// `slot` can be done as a part of what is current, which has only its grace period left.
    pub fn can_fold(&self, slot: &Slot) -> bool {
        use Kind::*;
        let one_step = [Join, Leave, Configure, State, Addresses].contains(&slot.kind);
        self.current.as_ref().is_some_and(|current| {
            let is_there = |it: &Slot| it.subject.parent == slot.subject.parent;
            current.wait == Wait::Free && current.slot.as_ref().is_some_and(is_there)
        }) && one_step
            && !slot.joins
    }
}
