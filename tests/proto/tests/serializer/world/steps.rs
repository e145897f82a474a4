// SPDX-License-Identifier: GPL-2.0
//! The steps of operations, and what becomes of what was asked for.

use carp_proto_tests::serializer::kind::Kind;
use carp_proto_tests::serializer::operation::NoMemory;
use carp_proto_tests::serializer::queue::Progress;
use carp_proto_tests::serializer::waiting::Added;

use super::{census_of, Fate, World, PARENTS};
use crate::operation::{Id, Op, Stage, MEMORY};

impl World {
    /// The next step of an operation, or all of one that is folded.
    pub(super) fn carry_out(&mut self, op: &mut Op) -> Progress {
        let parent = op.parent.clone();
        match op.stage {
            Stage::First => match op.kind {
                _ if !MEMORY.get() && (op.joins.is_some() || !op.kind.folds()) => {
                    return Progress::NoMemory;
                }
                Kind::Vhid | Kind::ParentAddress if self.chance(70) => {
                    parent.is_closed.set(true);
                    parent.has_retired.set(true);
                    op.stage = Stage::Down;
                    return Progress::Quiesce;
                }
                Kind::Ties => {
                    if self.separate(op.subject.parent).is_err() {
                        return Progress::NoMemory;
                    }
                }
                _ => (),
            },
            Stage::Down => {
                assert_eq!(parent.users.get(), 0, "it went on before it was at rest");
                parent.is_closed.set(false);
                parent.has_retired.set(true);
                if op.kind != Kind::Vhid {
                    op.stage = Stage::Up(self.rng.below(3) as u32);
                    return Progress::Again;
                }
                op.stage = Stage::First;
                self.complete(op);
                return Progress::Reclaim;
            }
            Stage::Up(0) => (),
            Stage::Up(left) => {
                op.stage = Stage::Up(left - 1);
                return Progress::Again;
            }
        }
        self.complete(op);
        if self.chance(60) {
            parent.has_retired.set(true);
        }
        if parent.has_retired.get() {
            Progress::Reclaim
        } else {
            Progress::Finished
        }
    }

    /// What was asked for is done, as if in the order of asking.
    fn complete(&mut self, op: &Op) {
        let newest = *op.requests.last().unwrap();
        let parent = op.subject.parent;
        match op.kind {
            Kind::State | Kind::Sync => {
                let earlier = self.pending[parent].range(..newest);
                // Nothing waits for a sync. A state has gone to where it was asked for last.
                let counts = |id: &&Id| {
                    let asked = &self.asked[**id];
                    let is_over = asked.kind == Kind::State && asked.is_superseded;
                    asked.kind != Kind::Sync && !is_over && !op.requests.contains(id)
                };
                let mut earlier = earlier.filter(counts);
                assert_eq!(
                    earlier.next(),
                    None,
                    "{:?} was done before an earlier one",
                    op.kind
                );
            }
            Kind::Configure => {
                let newest_of = |setting: usize| {
                    let mut ids = op.requests.iter().rev();
                    ids.find(|id| self.asked[**id].settings[setting]).copied()
                };
                assert_eq!(op.settings, [newest_of(0), newest_of(1)]);
            }
            _ => (),
        }
        assert_eq!(op.result, newest, "an older result is left");
        self.close(op, Fate::Done);
    }

    pub(super) fn close(&mut self, op: &Op, fate: Fate) {
        for id in &op.requests {
            let asked = &mut self.asked[*id];
            assert_eq!(asked.fate, Fate::Pending, "done twice");
            assert_eq!(asked.parent, op.subject.parent);
            asked.fate = fate;
            assert!(self.pending[op.subject.parent].remove(id));
        }
        for op in op.along.iter() {
            self.close(op, fate);
        }
    }

    /// Some of the parents that share a group with this one leave it, each for another one.
    fn separate(&mut self, parent: usize) -> Result<(), NoMemory> {
        let group = self.parents[parent].group;
        let mut leaving = Vec::new();
        for other in 0..PARENTS {
            if other == parent || self.parents[other].group != group || self.chance(60) {
                continue;
            }
            let is_taken = |to: usize| self.parents.iter().any(|seat| seat.group == to);
            let mut free = (0..PARENTS).filter(|to| !is_taken(*to));
            let known: Vec<usize> = leaving.iter().map(|(_, to)| *to).collect();
            if let Some(to) = free.find(|to| !known.contains(to)) {
                leaving.push((other, to));
            }
        }
        self.tally.split += leaving.len() as u64;
        self.exodus(group, &leaving)
    }

    /// Parents leave a group, each for another one; with all that waits about them.
    pub(super) fn exodus(
        &mut self,
        from: usize,
        leaving: &[(usize, usize)],
    ) -> Result<(), NoMemory> {
        let room = self.groups[from].queue.room_to_part()?;
        let mut result = Ok(());
        for &(parent, to) in leaving {
            let census = census_of(&self.parents[parent]);
            result = self.groups[to].queue.promise(census);
            if result.is_err() {
                break;
            }
            self.parents[parent].group = to;
            self.groups[from].queue.release(census);
        }
        for slot in self.groups[from].model.take(|_| true) {
            let time = self.tick();
            let to = self.parents[slot.subject.parent].group;
            self.groups[to].model.receive(slot, time);
        }
        for op in self.groups[from].queue.part(room).into_items() {
            let to = self.parents[op.subject.parent].group;
            let added = self.groups[to].queue.receive(op);
            assert!(matches!(added, Added::Waits), "promised room was used up");
            self.wake(to);
        }
        (0..PARENTS).for_each(|group| self.check(group));
        result
    }

    /// The queue is what the model says, and within devices times kinds.
    pub(super) fn check(&mut self, group: usize) {
        let seats = self.parents.iter().filter(|seat| seat.group == group);
        let vhosts = seats.clone().map(|seat| seat.vhosts.len()).sum::<usize>();
        let room = 7 * seats.count() + 5 * vhosts;
        let group = &self.groups[group];
        assert_eq!(group.queue.census().room(), room);
        let waiting = group.queue.waiting();
        assert!(waiting.len() <= room, "{} of {room}", waiting.len());
        let expected = group.model.waiting();
        assert_eq!(waiting.len(), expected.len());
        for (op, slot) in waiting.iter().zip(&expected) {
            assert_eq!(op.requests, slot.requests);
        }
        assert_eq!(group.queue.is_idle(), group.model.current.is_none());
        assert!(group.queue.longest() >= waiting.len());
        self.tally.longest = self.tally.longest.max(waiting.len());
    }
}
