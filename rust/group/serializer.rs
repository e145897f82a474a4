// SPDX-License-Identifier: GPL-2.0
//! One operation on a group at a time, in the order in which they were asked for.
//!
//! Vocabulary:
//!
//! * *group*: the parents, with their carp devices, that share a serializer.
//! * *current*: the operation that has started and not finished; there is one at most.
//! * *parked*: the current operation waits for its virtual hosts to come to rest; no thread does.
//! * *folded*: a request that changes something while the current operation only waits to free
//!   what it replaced. Both finish together, behind one grace period. Also the end of a parent, or of
//!   the last virtual host on it, whatever is current: nobody may be made to wait for that.
//! * *merged*: two groups that are one from now on.
//!
//! Contexts: an operation is submitted under RTNL and, if nothing is in its way, starts there and
//! then, so that a request is done when the command returns. What must sleep, or wait, or comes
//! behind another operation, is done by the work item, which takes RTNL for every step but a wait.
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
};
use crate::sys::{
    log,
    net_device::{NetDevice, Rtnl, RtnlGuard},
    queue, trace,
};
use kernel::{
    impl_has_work, new_mutex, new_work,
    prelude::*,
    sync::{Arc, Mutex},
    workqueue::{Work, WorkItem},
};

/// Operations about one parent that can be under way at once and must not fail for want of memory:
/// its state, its limits, its address, its ties, and freeing behind a virtual host that has left.
pub(super) const PROMISED: usize = 5;

#[pin_data]
pub(crate) struct Serializer {
    #[pin]
    queue: Mutex<Queue>,
    #[pin]
    work: Work<Serializer>,
}

struct Queue {
    current: Current,
    waiting: KVec<Operation>,
    /// Room in `waiting` that is kept for operations that must not fail for want of memory.
    promised: usize,
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

    /// Lets `operation` wait for its turn. There is room for it.
    fn add(&mut self, operation: Operation) {
        // Told twice of the same before anybody could look is told once.
        if self
            .waiting
            .iter()
            .any(|known| known.says_the_same_as(&operation))
        {
            return;
        }
        if let Err(refused) = self.waiting.push_within_capacity(operation) {
            let device = refused.0.parent().device();
            log::warn(
                device,
                fmt!("an operation was lost: there was no room for it"),
            );
        }
    }
}

impl_has_work! {
    impl HasWork<Self> for Serializer { self.work }
}

impl WorkItem for Serializer {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        while this.advance() {}
    }
}

impl Serializer {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                queue <- new_mutex!(
                    Queue { current: Current::None, waiting: KVec::new(), promised: 0 },
                    "carp serializer"
                ),
                work <- new_work!("carp serializer"),
            }),
            GFP_KERNEL,
        )
    }

    /// Keeps room for `more` operations that must not fail for want of memory.
    pub(crate) fn promise(&self, more: usize) -> Result {
        let mut queue = self.queue.lock();
        let promised = queue.promised.saturating_add(more);
        queue.waiting.reserve(promised, GFP_KERNEL)?;
        queue.promised = promised;
        Ok(())
    }

    /// Takes a promise back.
    pub(crate) fn release(&self, less: usize) {
        let mut queue = self.queue.lock();
        queue.promised = queue.promised.saturating_sub(less);
    }

    /// Makes room for so many operations, which the caller submits before it gives up RTNL.
    pub(crate) fn make_room(&self, operations: usize) -> Result {
        let mut queue = self.queue.lock();
        let room = queue.promised.saturating_add(operations);
        Ok(queue.waiting.reserve(room, GFP_KERNEL)?)
    }

    /// Does `operation`, now or in its turn. There is room for it: promised, or made just now.
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
            let is_next = queue.waiting.is_empty();
            match &mut queue.current {
                Current::Paused(current, Pause::Grace { folding })
                    if is_next && operation.folds_into(current) =>
                {
                    *folding = folding.wrapping_add(1);
                    drop(queue);
                    operation.fold(rtnl);
                    self.folded();
                }
                _ => queue.add(operation),
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

    /// Forgets of what waits for its turn that which has nothing left to do it to.
    pub(super) fn forget(&self, rtnl: &Rtnl<'_>, which: impl Fn(&Operation) -> bool) {
        while let Some(waiting) = self.take_first(&which) {
            waiting.abandon(rtnl);
        }
    }

    /// Some parents of this group leave it for that of `to`, which takes over what waits for its
    /// turn about them, behind what waits there; or fails for want of memory and changes nothing.
    /// The current operation is not about them.
    pub(super) fn hand_over(
        &self,
        _rtnl: &Rtnl<'_>,
        parents: &[Arc<Parent>],
        to: &Arc<Self>,
    ) -> Result {
        let is_theirs = |waiting: &Operation| parents.iter().any(|parent| waiting.is_about(parent));
        let promised = parents.len().saturating_mul(PROMISED);
        let queue = self.queue.lock();
        let waiting = queue.waiting.iter().filter(|op| is_theirs(op)).count();
        drop(queue);
        // RTNL keeps others from submitting more.
        to.promise(promised.saturating_add(waiting))?;
        for parent in parents {
            parent.move_to(to.clone());
        }
        while let Some(waiting) = self.take_first(is_theirs) {
            to.queue.lock().add(waiting);
        }
        to.release(waiting);
        self.release(promised);
        to.wake();
        Ok(())
    }

    fn take_first(&self, which: impl Fn(&Operation) -> bool) -> Option<Operation> {
        let mut queue = self.queue.lock();
        let index = queue.waiting.iter().position(which)?;
        queue.waiting.remove(index).ok()
    }

    /// More than one parent belongs to the group.
    pub(crate) fn is_shared(&self) -> bool {
        self.queue.lock().promised > PROMISED
    }

    /// The last user has left a virtual host that is to come to rest. Any context.
    pub(crate) fn wake(self: &Arc<Self>) {
        queue::enqueue(self.clone());
    }

    /// Something is under way.
    pub(crate) fn is_busy(&self) -> bool {
        !matches!(self.queue.lock().current, Current::None)
    }

    /// What is current, whether it is parked, and what waits; for people to read. Fails for want of
    /// memory.
    pub(crate) fn status(
        &self,
    ) -> Result<(Option<trace::Operation>, bool, KVec<trace::Operation>)> {
        let queue = self.queue.lock();
        let mut waiting = KVec::with_capacity(queue.waiting.len(), GFP_KERNEL)?;
        for operation in &queue.waiting {
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
        Ok((current, is_parked, waiting))
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
            None if queue.waiting.is_empty() => false,
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

    fn folded(&self) {
        if let Current::Paused(_, Pause::Grace { folding }) = &mut self.queue.lock().current {
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
            let Ok(next) = queue.waiting.remove(0) else {
                return;
            };
            if let Current::Paused(_, Pause::Grace { folding }) = &mut queue.current {
                *folding = folding.wrapping_add(1);
            }
            drop(queue);
            next.fold(&rtnl);
            self.folded();
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
        drop(queue);
        drop(finished);
        true
    }

    /// Starts what waits, one after the other, until one of them has to pause. If one of them joins
    /// another group, this one is merged into that, and it goes on there. Fails for want of memory:
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
                group.hand_over(rtnl, &parents, &other)?;
                group = other;
                continue;
            }
            let Ok(mut next) = waiting.remove(0) else {
                break;
            };
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
                self.queue.lock().current = Current::None;
                return;
            }
            Progress::Again => Pause::Turn,
            Progress::Quiesce => Pause::Grace { folding: 0 },
            Progress::NoMemory => Pause::Memory,
        };
        self.queue.lock().current = Current::Paused(operation, pause);
    }
}
