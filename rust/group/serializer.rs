// SPDX-License-Identifier: GPL-2.0
//! One operation on a group at a time, in the order in which they were asked for.
//!
//! Vocabulary:
//!
//! * *group*: the parents, with their carp devices, that share a serializer.
//! * *current*: the operation that has started and not finished; there is one at most.
//! * *parked*: the current operation waits for its virtual hosts to come to rest; no thread does.
//! * *folded*: a request that changes something while the current operation only waits to free
//!   what it replaced. Both finish together, after one grace period. Also the end of a parent, or of
//!   the last virtual host on it, whatever is current: nobody may be made to wait for that.
//! * *along*: a request that goes through the same rest as the one that starts.
//! * *merged*: two groups that are one from now on. Also a request, with one that waits (`waiting`).
//!
//! Contexts: an operation is submitted under RTNL and, if nothing is in its way, starts there and
//! then, so that a request is done when the command returns. What must sleep, or wait, or comes
//! after another operation, is done by the work item, which takes RTNL for every step but a wait.
//! Nobody ever waits for the work item under RTNL.
//!
//! An operation by which a parent joins another group is one of both groups. When it is next in its
//! own, its group is merged into the other one: it waits there, in its turn, and behind it what
//! waited behind it. So it starts when nothing is under way in either. Groups are merged and
//! separated in one go, under RTNL; nobody waits for another group, and so no two for each other.
//!
//! ```text
//!   submit ──> waiting ──> start ──> step ... step ──> finish ──> the next one starts
//!                            |        ^   |
//!                            |        |   v
//!                            +─> grace period, rest (parked)
//! ```

use super::{
    operation::{Operation, Progress},
    parent::Parent,
    ties,
    waiting::{Census, Waiting},
};
use crate::sys::{
    net_device::{NetDevice, Rtnl, RtnlGuard},
    queue, trace,
};
use kernel::{
    impl_has_work, new_mutex, new_work,
    prelude::*,
    sync::{Arc, Mutex},
    workqueue::{Work, WorkItem},
};

#[pin_data]
pub(crate) struct Serializer {
    #[pin]
    queue: Mutex<Queue>,
    #[pin]
    work: Work<Serializer>,
}

struct Queue {
    current: Current,
    waiting: Waiting,
    /// From asking for an operation to its end, at most.
    slowest_ns: u64,
}

/// What a group is doing, for people to read.
pub(super) struct Status {
    pub(super) current: Option<trace::Operation>,
    pub(super) is_parked: bool,
    pub(super) waiting: KVec<trace::Operation>,
    /// For how many that wait there is room.
    pub(super) room: usize,
    /// How many have waited at once, and how long any has taken, since there is this group.
    pub(super) longest: usize,
    pub(super) slowest_ns: u64,
}

enum Current {
    None,
    /// Somebody runs a step of it, under RTNL.
    Running(trace::Operation),
    Paused(Operation, Pause),
}

/// What the current operation waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pause {
    /// Its next step.
    Turn,
    /// A grace period; this many requests are being folded into it.
    Grace { folding: usize },
    /// Its virtual hosts' last users.
    Rest { parked: bool },
    /// Memory for its first step.
    Memory,
}

impl Queue {
    /// What waits first can be folded into the current operation.
    fn next_folds(&self) -> bool {
        match (&self.current, self.waiting.first()) {
            (Current::Paused(current, Pause::Grace { .. }), Some(next)) => next.folds_into(current),
            _ => false,
        }
    }

    /// It is done.
    fn note(&mut self, operation: &Operation) {
        self.slowest_ns = self.slowest_ns.max(operation.age_ns());
    }
}

impl_has_work! {
    impl HasWork<Self> for Serializer { self.work }
}

impl WorkItem for Serializer {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        // In turns with other groups, of which there may be more than threads.
        if this.advance() {
            this.wake();
        }
    }
}

impl Serializer {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                queue <- new_mutex!(
                    Queue { current: Current::None, waiting: Waiting::new(), slowest_ns: 0 },
                    "carp serializer"
                ),
                work <- new_work!("carp serializer"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Keeps room for all that these can ask for, or fails if out of memory. Submitting cannot.
    pub(super) fn promise(&self, more: Census) -> Result {
        self.queue.lock().waiting.promise(more)
    }

    /// Takes a promise back.
    pub(super) fn release(&self, less: Census) {
        self.queue.lock().waiting.release(less);
    }

    /// Does `operation`, now or in its turn.
    pub(crate) fn submit(self: &Arc<Self>, rtnl: &Rtnl<'_>, operation: Operation) {
        self.submit_in_a_row(rtnl, [operation]);
    }

    /// Does `operations`, with nothing between them. When the first starts all of them are in the
    /// queue: it may be merged with another group's, and this serializer be nobody's then.
    pub(crate) fn submit_in_a_row(
        self: &Arc<Self>,
        rtnl: &Rtnl<'_>,
        operations: impl IntoIterator<Item = Operation>,
    ) {
        for operation in operations {
            let mut queue = self.queue.lock();
            let is_next = queue.waiting.len() == 0;
            match &mut queue.current {
                Current::Paused(current, Pause::Grace { folding })
                    if is_next && operation.folds_into(current) =>
                {
                    *folding = folding.wrapping_add(1);
                    drop(queue);
                    let operation = operation.fold(rtnl);
                    self.folded(&operation);
                }
                _ => {
                    let superseded = queue.waiting.add(operation);
                    drop(queue);
                    if let Some(superseded) = superseded {
                        superseded.abandon(rtnl);
                    }
                }
            }
        }
        if self.start_waiting(rtnl).is_err() {
            self.wake();
        }
    }

    /// Does `f`, which cannot wait for its turn: as an operation of its own if nothing is current, else
    /// as a part of what is.
    pub(super) fn at_once(
        self: &Arc<Self>,
        _rtnl: &Rtnl<'_>,
        parent: &NetDevice,
        subject: trace::Operation,
        f: impl FnOnce(),
    ) {
        let is_first = {
            let mut queue = self.queue.lock();
            let is_first = matches!(queue.current, Current::None);
            if is_first {
                queue.current = Current::Running(subject);
            }
            is_first
        };
        if !is_first {
            trace::op_fold(parent, subject);
            return f();
        }
        trace::op_start(parent, subject);
        f();
        trace::op_finish(parent, subject);
        self.queue.lock().current = Current::None;
        self.wake();
    }

    /// Forgets of what waits for its turn that which has nothing left to do it to. False: nothing has.
    pub(super) fn forget(&self, rtnl: &Rtnl<'_>, which: impl Fn(&Operation) -> bool) -> bool {
        let mut any = false;
        while let Some(waiting) = self.take(&which) {
            waiting.abandon(rtnl);
            any = true;
        }
        any
    }

    /// Has parents of this group leave it; or fails if out of memory.
    pub(super) fn exodus<'a>(self: &'a Arc<Self>, rtnl: &'a Rtnl<'a>) -> Result<Exodus<'a>> {
        Ok(Exodus {
            from: self,
            empty: self.queue.lock().waiting.like()?,
            _rtnl: rtnl,
        })
    }

    fn take(&self, which: impl Fn(&Operation) -> bool) -> Option<Operation> {
        self.queue.lock().waiting.take(which)
    }

    /// More than one parent belongs to the group.
    pub(crate) fn is_shared(&self) -> bool {
        self.queue.lock().waiting.census().parents > 1
    }

    /// Another one that waits until all is done that is asked of `parent` by now finds room.
    pub(crate) fn has_room_to_sync(&self, parent: &Arc<Parent>) -> bool {
        self.queue.lock().waiting.has_room_to_sync(parent)
    }

    /// The last user has left a virtual host that is to come to rest. Any context.
    pub(crate) fn wake(self: &Arc<Self>) {
        queue::enqueue(self.clone());
    }

    /// Something is under way.
    pub(crate) fn is_busy(&self) -> bool {
        !matches!(self.queue.lock().current, Current::None)
    }

    /// Fails for want of memory.
    pub(super) fn status(&self) -> Result<Status> {
        let queue = self.queue.lock();
        let mut waiting = KVec::with_capacity(queue.waiting.len(), GFP_KERNEL_ACCOUNT)?;
        for operation in queue.waiting.iter() {
            waiting
                .push_within_capacity(operation.subject())
                .or(Err(ENOMEM))?;
        }
        let (current, is_parked) = match &queue.current {
            Current::None => (None, false),
            Current::Running(subject) => (Some(*subject), false),
            Current::Paused(operation, pause) => (
                Some(operation.subject()),
                *pause == (Pause::Rest { parked: true }),
            ),
        };
        Ok(Status {
            current,
            is_parked,
            waiting,
            room: queue.waiting.census().room(),
            longest: queue.waiting.longest(),
            slowest_ns: queue.slowest_ns,
        })
    }

    /// One step of the work item. False: there is nothing more to do now.
    fn advance(self: &Arc<Self>) -> bool {
        let mut queue = self.queue.lock();
        let pause = match &queue.current {
            Current::Running(_) => return false,
            Current::None => None,
            Current::Paused(_, pause) => Some(*pause),
        };
        match pause {
            None if queue.waiting.len() == 0 => false,
            None => {
                drop(queue);
                let started = self.start_waiting(&RtnlGuard::new());
                if started.is_err() {
                    queue::wait_for_memory();
                }
                true
            }
            Some(Pause::Memory) => {
                drop(queue);
                queue::wait_for_memory();
                self.step()
            }
            Some(Pause::Turn) => {
                drop(queue);
                self.step()
            }
            Some(Pause::Grace { .. }) => {
                let Current::Paused(operation, _) = &queue.current else {
                    return false;
                };
                let parent = operation.parent().clone();
                let more = queue.next_folds();
                drop(queue);
                if more {
                    self.fold_what_waits();
                }
                parent.reclaim() > 0 || self.grace_is_over()
            }
            Some(Pause::Rest { parked }) => {
                let Current::Paused(operation, pause) = &mut queue.current else {
                    return false;
                };
                if !operation.is_at_rest() {
                    // Whoever leaves last from here on wakes the work item again.
                    *pause = Pause::Rest { parked: true };
                    if !parked {
                        operation.trace(trace::op_park);
                    }
                    return false;
                }
                if parked {
                    operation.trace(trace::op_resume);
                }
                *pause = Pause::Turn;
                true
            }
        }
    }

    fn folded(&self, operation: &Operation) {
        let mut queue = self.queue.lock();
        queue.note(operation);
        if let Current::Paused(_, Pause::Grace { folding }) = &mut queue.current {
            *folding = folding.wrapping_sub(1);
        }
    }

    /// Folds what is next in the queue, as long as it can be.
    fn fold_what_waits(&self) {
        let rtnl = RtnlGuard::new();
        loop {
            let mut queue = self.queue.lock();
            if !queue.next_folds() {
                return;
            }
            let Some(next) = queue.waiting.take(|_| true) else {
                return;
            };
            if let Current::Paused(_, Pause::Grace { folding }) = &mut queue.current {
                *folding = folding.wrapping_add(1);
            }
            drop(queue);
            let next = next.fold(&rtnl);
            self.folded(&next);
        }
    }

    /// Everything that the current operation replaced is freed. False: somebody folds something in
    /// just now, and wakes the work item behind that.
    fn grace_is_over(&self) -> bool {
        let mut queue = self.queue.lock();
        let Current::Paused(operation, pause @ Pause::Grace { .. }) = &mut queue.current else {
            return true;
        };
        if *pause != (Pause::Grace { folding: 0 }) {
            return false;
        }
        if operation.parent().has_retired() {
            return true;
        }
        if operation.has_more_steps() {
            *pause = Pause::Rest { parked: false };
            return true;
        }
        // Here and not in a step, which would have to wait for RTNL, so that whoever has RTNL finds
        // it either open to be folded into or gone.
        operation.trace(trace::op_finish);
        let finished = core::mem::replace(&mut queue.current, Current::None);
        if let Current::Paused(operation, _) = &finished {
            queue.note(operation);
        }
        drop(queue);
        drop(finished);
        true
    }

    /// Starts what waits, one after the other, until one of them has to pause. If one of them joins
    /// another group, this one is merged into that, and it goes on there. Fails if out of memory:
    /// then it is to be tried again.
    fn start_waiting(self: &Arc<Self>, rtnl: &Rtnl<'_>) -> Result {
        let mut group = self.clone();
        loop {
            let mut queue = group.queue.lock();
            let Queue {
                current, waiting, ..
            } = &mut *queue;
            let (Current::None, Some(next)) = (&*current, waiting.first_mut()) else {
                break;
            };
            if let Some(other) = next.other_group(rtnl)? {
                let parents = ties::parents_of_group(rtnl, next.parent())?;
                drop(queue);
                group.exodus(rtnl)?.hand_over(parents.list(), &other)?;
                group = other;
                continue;
            }
            waiting.make_room_along()?;
            let Some(mut next) = waiting.take(|_| true) else {
                break;
            };
            while let Some(other) = waiting.take(|other| other.goes_along_with(&next)) {
                next.take_along(other);
            }
            *current = Current::Running(next.subject());
            drop(queue);
            let progress = next.start(rtnl);
            group.pause(next, progress);
        }
        if group.is_busy() {
            group.wake();
        }
        Ok(())
    }

    fn step(self: &Arc<Self>) -> bool {
        let rtnl = RtnlGuard::new();
        let mut queue = self.queue.lock();
        let subject = match &queue.current {
            Current::Paused(operation, Pause::Turn | Pause::Memory) => operation.subject(),
            _ => return true,
        };
        let taken = core::mem::replace(&mut queue.current, Current::Running(subject));
        drop(queue);
        if let Current::Paused(mut operation, _) = taken {
            let progress = operation.step(&rtnl);
            self.pause(operation, progress);
        }
        true
    }

    /// A step of the current operation is over.
    fn pause(&self, operation: Operation, progress: Progress) {
        let pause = match progress {
            Progress::Finished => {
                operation.trace(trace::op_finish);
                let mut queue = self.queue.lock();
                queue.current = Current::None;
                queue.note(&operation);
                return;
            }
            Progress::Again => Pause::Turn,
            Progress::Quiesce => Pause::Grace { folding: 0 },
            Progress::NoMemory => Pause::Memory,
        };
        self.queue.lock().current = Current::Paused(operation, pause);
    }
}

/// Parents leave a group, one set of them after the other. What waits for its turn about them follows
/// in one go when this is dropped, and waits behind what waits where it comes to.
pub(super) struct Exodus<'a> {
    from: &'a Arc<Serializer>,
    /// Room for those that stay.
    empty: Waiting,
    /// Keeps others from asking for more.
    _rtnl: &'a Rtnl<'a>,
}

impl Exodus<'_> {
    /// These go to the group of `to`; or it fails if out of memory, and they stay. The current
    /// operation is not about them.
    pub(super) fn hand_over(&mut self, parents: &[Arc<Parent>], to: &Arc<Serializer>) -> Result {
        let mut promised = Census::default();
        for parent in parents {
            promised.add(parent.census());
        }
        to.promise(promised)?;
        let mut moved = Census::default();
        for parent in parents {
            moved.add(parent.move_to(to.clone()));
        }
        self.from.release(moved);
        // Virtual hosts that have gone meanwhile.
        promised.subtract(moved);
        to.release(promised);
        Ok(())
    }
}

impl Drop for Exodus<'_> {
    fn drop(&mut self) {
        let waiting = self.from.queue.lock().waiting.exchange(&mut self.empty);
        for operation in waiting {
            let group = operation.parent().serializer();
            group.queue.lock().waiting.push(operation);
            group.wake();
        }
    }
}
