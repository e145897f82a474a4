// SPDX-License-Identifier: GPL-2.0
//! What is asked for.

use carp_proto_tests::serializer::kind::{Census, Kind};
use carp_proto_tests::serializer::operation::{Operation, Subject};
use carp_proto_tests::serializer::queue::Submitted;
use carp_proto_tests::serializer::waiting::Added;

use super::{slot_of, Asked, Fate, Group, Task, World, PARENTS, USER, VHOSTS};
use crate::model::{is_of_vhost, Current, Wait};
use crate::operation::{Id, Op, Stage};

impl World {
    /// What somebody may ask for, with RTNL held.
    pub(super) fn command(&mut self) {
        let parent = self.below(PARENTS);
        let group = self.parents[parent].group;
        match self.below(10) {
            0 => {
                if let Some(gone) = self.parents[parent].vhosts.pop() {
                    self.forget(group, |subject| subject.vhost == Some(gone));
                    let less = Census {
                        parents: 0,
                        vhosts: 1,
                    };
                    self.groups[group].queue.release(less);
                }
            }
            1 | 2 if self.parents[parent].vhosts.len() < VHOSTS => {
                let more = Census {
                    parents: 0,
                    vhosts: 1,
                };
                if self.groups[group].queue.promise(more).is_ok() {
                    self.next_vhost += 1;
                    self.parents[parent].vhosts.push(self.next_vhost);
                }
            }
            3 => {
                let at_once = self.groups[group].queue.at_once(Id::MAX);
                assert_eq!(at_once.is_some(), self.wait(group).is_none());
                self.tally.at_once += 1;
                if let Some(at_once) = at_once {
                    self.groups[group].model.current = Some(Current {
                        slot: None,
                        wait: Wait::Thread,
                        folding: 0,
                    });
                    self.threads[USER].push(Task::AtOnceIsOver(group, at_once));
                }
                if self.chance(50) {
                    self.ask(parent, group);
                }
                if self.chance(10) {
                    self.forget(group, |subject| subject.parent == parent);
                }
            }
            // A device that goes down is taken out of the snapshot at once.
            4 => self.parents[parent].below.has_retired.set(true),
            _ => self.ask(parent, group),
        }
        self.check(group);
    }

    /// Asks for a few things in a row.
    fn ask(&mut self, parent: usize, group: usize) {
        let mut tasks = vec![Task::StartWaiting(group, group)];
        let ops: Vec<Op> = (0..=self.below(3)).map(|_| self.request(parent)).collect();
        tasks.extend(ops.into_iter().rev().map(|op| Task::Submit(group, op)));
        self.threads[USER].extend(tasks);
    }

    fn request(&mut self, parent: usize) -> Op {
        let vhosts = self.parents[parent].vhosts.clone();
        let kind = loop {
            let kind = Kind::ALL[self.below(Kind::ALL.len())];
            if !is_of_vhost(kind) || !vhosts.is_empty() {
                break kind;
            }
        };
        let vhost = is_of_vhost(kind).then(|| vhosts[self.below(vhosts.len())]);
        let settings = [self.chance(50), self.chance(50)];
        let joins = (kind == Kind::Configure && self.chance(20)).then(|| self.below(PARENTS));
        let id = self.asked.len();
        self.asked.push(Asked {
            kind,
            parent,
            settings,
            is_superseded: false,
            fate: Fate::Pending,
        });
        self.pending[parent].insert(id);
        Op {
            kind,
            subject: Subject { parent, vhost },
            joins,
            requests: vec![id],
            result: id,
            settings: settings.map(|changes| changes.then_some(id)),
            along: Default::default(),
            stage: Stage::First,
            parent: self.parents[parent].below.clone(),
        }
    }

    fn forget(&mut self, group: usize, which: impl Fn(Subject) -> bool) {
        let model = self.groups[group].model.take(|slot| which(slot.subject));
        let mut expected = model.into_iter();
        while let Some(op) = self.groups[group].queue.take(|op| which(op.subject())) {
            assert_eq!(
                Some(op.requests.clone()),
                expected.next().map(|slot| slot.requests)
            );
            self.close(&op, Fate::Forgotten);
            self.tally.forgotten += 1;
        }
        assert!(expected.next().is_none());
    }

    pub(super) fn submit(&mut self, thread: usize, group: usize, op: Op) {
        let slot = slot_of(&op, self.tick());
        let Group { queue, model, .. } = &mut self.groups[group];
        let folds = model.waiting().is_empty() && model.can_fold(&slot);
        let (older, newest) = (queue.mergeable(op.kind, op.subject), op.result);
        let merges = !folds && older.is_some();
        assert_eq!(
            older.map(|op| &op.requests),
            model.mergeable(&slot).map(|known| &known.requests)
        );
        match queue.submit(op) {
            Submitted::Fold(fold) => {
                assert!(folds, "it was folded into what is more than a grace period");
                self.current(group).folding += 1;
                self.tally.folded += 1;
                self.threads[thread].push(Task::Fold(group, fold));
            }
            Submitted::Added(Added::Lost(_)) => panic!("promised room was used up"),
            Submitted::Added(added) => {
                assert!(!folds, "it was not folded");
                model.submit(slot);
                match added {
                    Added::Supersedes(older) => {
                        assert!(merges && older.result < newest && older.requests.is_empty());
                        self.asked[older.result].is_superseded = true;
                        self.tally.superseded += 1;
                    }
                    _ => assert!(!merges),
                }
            }
        }
        self.check(group);
    }
}
