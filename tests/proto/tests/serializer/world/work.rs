// SPDX-License-Identifier: GPL-2.0
//! What is done about it.

use carp_proto_tests::serializer::operation::{NoMemory, Operation};
use carp_proto_tests::serializer::queue::{Due, Freed, Progress, Step};

use super::{Group, Task, World, PARENTS};
use crate::model::{Current, Wait};
use crate::operation::Op;

impl World {
    pub(super) fn start_waiting(&mut self, thread: usize, origin: usize, group: usize) {
        let Group { queue, model, .. } = &mut self.groups[group];
        let Some(next) = queue.next_to_start() else {
            assert!(model.current.is_some() || model.waiting().is_empty());
            if !queue.is_idle() {
                self.wake(group);
            }
            return;
        };
        assert!(model.current.is_none(), "its predecessor has not finished");
        let to = next.joins.map_or(group, |other| self.parents[other].group);
        if to != group {
            let leaving = (0..PARENTS).filter(|parent| self.parents[*parent].group == group);
            let leaving: Vec<_> = leaving.map(|parent| (parent, to)).collect();
            match self.exodus(group, &leaving) {
                Ok(()) => {
                    self.tally.merged += 1;
                    self.threads[thread].push(Task::StartWaiting(origin, to));
                }
                Err(NoMemory) => {
                    self.tally.no_memory += 1;
                    self.wake(origin);
                }
            }
            return;
        }
        match queue.start() {
            Ok(step) => {
                let mut step = step.expect("nothing is current, and something waits");
                let (first, along) = model.start();
                let op = step.operation();
                assert_eq!(op.requests, first.requests, "another one was the first");
                let taken = &op.along;
                assert_eq!(taken.len(), along.len());
                for (op, slot) in taken.iter().zip(&along) {
                    assert_eq!(op.requests, slot.requests);
                }
                self.tally.started += 1;
                self.tally.along += along.len() as u64;
                model.current = Some(Current {
                    slot: Some(first),
                    wait: Wait::Thread,
                    folding: 0,
                });
                let tasks = [
                    Task::StartWaiting(origin, group),
                    Task::EndStep(group, step),
                ];
                self.threads[thread].extend(tasks);
            }
            Err(NoMemory) => {
                self.tally.no_memory += 1;
                self.wake(origin);
            }
        }
        self.check(group);
    }

    pub(super) fn end_step(&mut self, group: usize, mut step: Step<Op>) {
        let progress = self.carry_out(step.operation());
        let finished = self.groups[group].queue.progress(step, progress);
        assert_eq!(finished.is_some(), progress == Progress::Finished);
        let wait = match progress {
            Progress::Finished => {
                self.groups[group].model.current = None;
                return self.check(group);
            }
            Progress::Again => Wait::Turn,
            Progress::NoMemory => Wait::Memory,
            Progress::Reclaim => Wait::Free,
            Progress::Quiesce => Wait::FreeThenRest,
        };
        self.current(group).wait = wait;
        self.check(group);
    }

    pub(super) fn look(&mut self, thread: usize, group: usize) {
        let Group { queue, model, .. } = &mut self.groups[group];
        let first = model.first();
        let folds = first.as_ref().is_some_and(|first| model.can_fold(first));
        let parent = queue.paused().map_or(0, |op| op.subject.parent);
        let at_rest = queue.paused().is_none_or(Op::is_at_rest);
        let wait = model.current.as_ref().map(|current| current.wait);
        let expected = match wait {
            None if first.is_some() => Due::Start,
            None | Some(Wait::Thread) => Due::Nothing,
            Some(Wait::Turn) => Due::Step,
            Some(Wait::Memory) => Due::Memory,
            Some(Wait::Free) => Due::Free { folds },
            Some(Wait::FreeThenRest) => Due::Free { folds: false },
            Some(Wait::Look) if at_rest => Due::Again,
            Some(Wait::Look) => Due::Park,
            Some(Wait::User) if at_rest => Due::Resume,
            Some(Wait::User) => Due::Nothing,
        };
        let due = queue.look();
        assert_eq!(due, expected, "{wait:?}");
        let tasks = &mut self.threads[thread];
        match due {
            Due::Nothing => (),
            Due::Start => {
                let start = Task::StartWaiting(group, group);
                tasks.extend([Task::Wake(group), Task::DropRtnl, start, Task::TakeRtnl]);
            }
            Due::Step | Due::Memory => {
                let step = Task::Step(group);
                tasks.extend([Task::Wake(group), Task::DropRtnl, step, Task::TakeRtnl]);
            }
            Due::Free { folds } => {
                tasks.push(Task::Free(group, parent));
                if folds {
                    tasks.extend([Task::DropRtnl, Task::FoldWhatWaits(group), Task::TakeRtnl]);
                }
            }
            Due::Park => {
                self.tally.parked += 1;
                self.current(group).wait = Wait::User;
            }
            Due::Resume | Due::Again => {
                self.tally.resumed += u64::from(due == Due::Resume);
                self.current(group).wait = Wait::Turn;
                self.wake(group);
            }
        }
        self.check(group);
    }

    pub(super) fn fold_what_waits(&mut self, thread: usize, group: usize) {
        let Group { queue, model, .. } = &mut self.groups[group];
        let first = model.first();
        let first = first.filter(|first| model.can_fold(first));
        let fold = queue.fold_next();
        assert_eq!(fold.is_some(), first.is_some());
        if let (Some(mut fold), Some(first)) = (fold, first) {
            assert_eq!(fold.operation().requests, first.requests);
            model.take(|slot| *slot == first);
            self.current(group).folding += 1;
            self.tally.folded += 1;
            self.threads[thread].extend([Task::FoldWhatWaits(group), Task::Fold(group, fold)]);
        }
        self.check(group);
    }

    pub(super) fn freed(&mut self, group: usize) {
        let Group { queue, model, .. } = &mut self.groups[group];
        let retired = queue.paused().is_some_and(Op::has_retired);
        let folding = model.current.as_ref().map_or(0, |current| current.folding);
        let wait = model.current.as_ref().map(|current| current.wait);
        match (wait, queue.freed()) {
            (Some(Wait::Free), Freed::Folding) => {
                assert!(folding > 0);
                return;
            }
            (Some(Wait::Free), Freed::Finish(_)) => {
                assert!(folding == 0 && !retired, "it was not over");
                model.current = None;
            }
            (Some(Wait::FreeThenRest), Freed::Again) if !retired => {
                self.current(group).wait = Wait::Look;
            }
            (wait, Freed::Again) => assert!(wait != Some(Wait::Free) || retired && folding == 0),
            (wait, _) => panic!("freed while {wait:?}"),
        }
        self.wake(group);
        self.check(group);
    }
}
