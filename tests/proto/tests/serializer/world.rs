// SPDX-License-Identifier: GPL-2.0
//! Groups of parents, with threads that do what the queues say: one that asks for things, and one
//! for each group. After each call into a queue another thread may be next. Everything is compared
//! with the model.

mod asks;
mod steps;
mod work;

use std::collections::BTreeSet;
use std::rc::Rc;

use carp_proto_tests::serializer::kind::{Census, Kind};
use carp_proto_tests::serializer::queue::{AtOnce, Fold, Queue, Step};

use crate::common::Rng;
use crate::model::{Current, Model, Slot, Wait};
use crate::operation::{Id, Op, Parent, MEMORY};

pub const PARENTS: usize = 4;
const VHOSTS: usize = 3;
/// The thread that asks for things; the others are named as their groups.
const USER: usize = PARENTS;

enum Task {
    TakeRtnl,
    DropRtnl,
    Command,
    Submit(usize, Op),
    Fold(usize, Fold<Op>),
    Folded(usize, Fold<Op>),
    /// Wakes the first if there is no memory, and starts what waits in the second.
    StartWaiting(usize, usize),
    Step(usize),
    EndStep(usize, Step<Op>),
    AtOnceIsOver(usize, AtOnce),
    Look(usize),
    FoldWhatWaits(usize),
    Free(usize, usize),
    Freed(usize),
    Wake(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Pending,
    Done,
    Forgotten,
}

struct Asked {
    kind: Kind,
    parent: usize,
    settings: [bool; 2],
    /// Another one was asked for while it waited.
    is_superseded: bool,
    fate: Fate,
}

#[derive(Default)]
struct Group {
    queue: Queue<Op>,
    model: Model,
    is_woken: bool,
}

struct Seat {
    below: Rc<Parent>,
    group: usize,
    vhosts: Vec<usize>,
}

/// How often what happened.
#[derive(Default, Debug)]
pub struct Tally {
    pub steps: u64,
    pub started: u64,
    pub folded: u64,
    pub along: u64,
    pub superseded: u64,
    pub parked: u64,
    pub resumed: u64,
    pub at_once: u64,
    pub merged: u64,
    pub split: u64,
    pub forgotten: u64,
    pub no_memory: u64,
    pub longest: usize,
}

pub struct World {
    rng: Rng,
    groups: Vec<Group>,
    parents: Vec<Seat>,
    threads: Vec<Vec<Task>>,
    rtnl: bool,
    /// How often the user is the next, in percent.
    pressure: u64,
    time: u64,
    asked: Vec<Asked>,
    /// Of each parent, what has been asked for and not been done.
    pending: Vec<BTreeSet<Id>>,
    next_vhost: usize,
    pub tally: Tally,
}

fn census_of(seat: &Seat) -> Census {
    Census {
        parents: 1,
        vhosts: seat.vhosts.len(),
    }
}

fn slot_of(op: &Op, time: u64) -> Slot {
    Slot {
        kind: op.kind,
        subject: op.subject,
        joins: op.joins.is_some(),
        requests: op.requests.clone(),
        time,
    }
}

impl World {
    pub fn new(seed: u64) -> Self {
        MEMORY.set(true);
        let mut world = Self {
            rng: Rng::new(seed),
            groups: (0..PARENTS).map(|_| Group::default()).collect(),
            parents: Vec::new(),
            threads: (0..=USER).map(|_| Vec::new()).collect(),
            rtnl: false,
            pressure: 20,
            time: 0,
            asked: Vec::new(),
            pending: vec![BTreeSet::new(); PARENTS],
            next_vhost: 0,
            tally: Tally::default(),
        };
        for group in 0..PARENTS {
            let seat = Seat {
                below: Rc::default(),
                group,
                vhosts: Vec::new(),
            };
            world.groups[group].queue.promise(census_of(&seat)).unwrap();
            world.parents.push(seat);
        }
        world
    }

    fn below(&mut self, bound: usize) -> usize {
        self.rng.below(bound as u64) as usize
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.rng.chance(percent)
    }

    fn tick(&mut self) -> u64 {
        self.time += 1;
        self.time
    }

    fn wake(&mut self, group: usize) {
        self.groups[group].is_woken = true;
    }

    fn current(&mut self, group: usize) -> &mut Current {
        self.groups[group].model.current.as_mut().unwrap()
    }

    fn wait(&self, group: usize) -> Option<Wait> {
        let current = &self.groups[group].model.current;
        current.as_ref().map(|current| current.wait)
    }

    /// Lets one thread do one thing, and users come and go.
    pub fn step(&mut self) {
        if self.chance(5) {
            MEMORY.set(self.rng.chance(80));
        }
        if self.chance(30) {
            let (parent, leaves) = (self.below(PARENTS), self.chance(50));
            self.users(parent, leaves);
        }
        let thread = if self.chance(self.pressure) {
            USER
        } else {
            self.below(USER)
        };
        self.run(thread);
    }

    /// How much is asked for from now on.
    pub fn set_pressure(&mut self) {
        self.pressure = self.rng.below(80);
    }

    fn users(&mut self, parent: usize, leaves: bool) {
        let below = self.parents[parent].below.clone();
        let users = below.users.get();
        if !leaves && users < 2 && !below.is_closed.get() {
            below.users.set(users + 1);
        } else if leaves && users > 0 {
            below.users.set(users - 1);
            if users == 1 && below.is_closed.get() {
                self.wake(self.parents[parent].group);
            }
        }
    }

    /// Everybody does what is left to do, with memory and without users: then all is done.
    pub fn settle(&mut self) {
        MEMORY.set(true);
        for _ in 0..100_000 {
            let has_work = |group: &Group| group.is_woken || !group.queue.is_idle();
            let is_idle = self.threads.iter().all(Vec::is_empty);
            if is_idle && !self.groups.iter().any(has_work) {
                break;
            }
            for parent in 0..PARENTS {
                self.users(parent, true);
            }
            for thread in 0..USER {
                self.run(thread);
            }
            if !self.threads[USER].is_empty() {
                self.run(USER);
            }
        }
        for group in 0..PARENTS {
            self.check(group);
            assert!(self.groups[group].queue.is_idle());
            assert!(self.groups[group].queue.waiting().is_empty());
            assert!(!self.groups[group].is_woken && self.threads[group].is_empty());
        }
        let left = self.pending.iter().flatten().next();
        assert_eq!(left, None, "a request was lost");
        assert_eq!(self.tally.parked, self.tally.resumed);
    }

    fn run(&mut self, thread: usize) {
        let Some(task) = self.threads[thread].pop() else {
            if thread == USER {
                self.threads[USER].extend([Task::DropRtnl, Task::Command, Task::TakeRtnl]);
            } else if std::mem::take(&mut self.groups[thread].is_woken) {
                self.threads[thread].push(Task::Look(thread));
            }
            return;
        };
        self.tally.steps += 1;
        match task {
            Task::TakeRtnl if self.rtnl => self.threads[thread].push(task),
            Task::TakeRtnl => self.rtnl = true,
            Task::DropRtnl => self.rtnl = false,
            Task::Command => self.command(),
            Task::Submit(group, op) => self.submit(thread, group, op),
            Task::Fold(group, mut fold) => {
                self.carry_out(fold.operation());
                self.threads[thread].push(Task::Folded(group, fold));
            }
            Task::Folded(group, fold) => {
                self.groups[group].queue.folded(fold);
                self.current(group).folding -= 1;
                self.check(group);
            }
            Task::StartWaiting(origin, group) => self.start_waiting(thread, origin, group),
            Task::Step(group) => {
                let step = self.groups[group].queue.step();
                let is_due = [Some(Wait::Turn), Some(Wait::Memory)].contains(&self.wait(group));
                assert_eq!(step.is_some(), is_due);
                if let Some(step) = step {
                    self.current(group).wait = Wait::Thread;
                    self.threads[thread].push(Task::EndStep(group, step));
                }
            }
            Task::EndStep(group, step) => self.end_step(group, step),
            Task::AtOnceIsOver(group, at_once) => {
                self.groups[group].queue.at_once_is_over(at_once);
                self.groups[group].model.current = None;
                self.wake(group);
            }
            Task::Look(group) => self.look(thread, group),
            Task::FoldWhatWaits(group) => self.fold_what_waits(thread, group),
            Task::Free(group, parent) => {
                if self.parents[parent].below.has_retired.replace(false) {
                    self.wake(group);
                } else {
                    self.threads[thread].push(Task::Freed(group));
                }
            }
            Task::Freed(group) => self.freed(group),
            Task::Wake(group) => self.wake(group),
        }
    }
}
