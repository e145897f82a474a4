// SPDX-License-Identifier: GPL-2.0
//! One operation on a group at a time, in the order in which they were asked for.
//!
//! Vocabulary:
//!
//! * *group*: the parents, with their carp devices, that share a serializer.
//! * *current*: the operation that has started and not finished; there is one at most.
//! * *parked*: the current operation waits for its virtual hosts to come to rest; no thread does.
//! * *folded*: a request that changes something while the current operation only waits to free
//!   what it replaced. Both finish together, behind one grace period.
//!
//! Contexts: an operation is submitted under RTNL and, if nothing is in its way, starts there and
//! then, so that a request is done when the command returns. What must sleep, or wait, or comes
//! behind another operation, is done by the work item, which takes RTNL for every step but a wait.
//! Nobody ever waits for the work item under RTNL.
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
};
use crate::sys::{
    clock,
    net_device::{Rtnl, RtnlGuard},
    queue, trace,
};
use kernel::{
    impl_has_work, new_mutex, new_work,
    prelude::*,
    sync::{Arc, Mutex},
    time::{delay::fsleep, Delta},
    workqueue::{Work, WorkItem},
};

/// How long to wait for memory before an operation is tried again.
const RETRY_MS: i64 = 20;

#[pin_data]
pub(crate) struct Serializer {
    #[pin]
    queue: Mutex<Queue>,
    #[pin]
    work: Work<Serializer>,
}

struct Queue {
    current: Current,
    waiting: KVec<Waiting>,
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

struct Waiting {
    operation: Operation,
    since_ns: u64,
}

impl Queue {
    /// What waits first can be folded into the current operation.
    fn next_folds(&self) -> bool {
        match (&self.current, self.waiting.first()) {
            (Current::Paused(current, Pause::Grace { .. }), Some(next)) => {
                next.operation.folds_into(current)
            }
            _ => false,
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
    pub(crate) fn submit(self: &Arc<Self>, rtnl: &Rtnl<'_>, mut operation: Operation) {
        let now_ns = clock::now_ns();
        let mut queue = self.queue.lock();
        let is_next = queue.waiting.is_empty();
        match &mut queue.current {
            Current::None if is_next => {
                queue.current = Current::Running(operation.subject());
                drop(queue);
                let progress = operation.start(rtnl, 0);
                self.pause(operation, progress);
            }
            Current::Paused(current, Pause::Grace { folding })
                if is_next && operation.folds_into(current) =>
            {
                *folding = folding.wrapping_add(1);
                drop(queue);
                operation.fold(rtnl, 0);
                self.folded();
            }
            _ => {
                // Told twice of the same before anybody could look is told once.
                let told = |waiting: &Waiting| waiting.operation.says_the_same_as(&operation);
                if !queue.waiting.iter().any(told) {
                    let waiting = Waiting {
                        operation,
                        since_ns: now_ns,
                    };
                    if queue.waiting.push_within_capacity(waiting).is_err() {
                        pr_err!(
                            "an operation was lost: more were submitted than there was room for\n"
                        );
                    }
                }
            }
        }
        self.wake();
    }

    /// Forgets what waits for its turn about `parent`, which has nothing left to do it to.
    pub(crate) fn forget(&self, rtnl: &Rtnl<'_>, parent: &Parent) {
        while let Some(waiting) = self.take_about(parent) {
            waiting.operation.abandon(rtnl);
        }
    }

    /// What waits for its turn about `parent` will wait for it in `to`, behind what waits there.
    /// The room for it has been promised.
    pub(crate) fn hand_over(&self, parent: &Parent, to: &Arc<Self>) {
        while let Some(waiting) = self.take_about(parent) {
            if to
                .queue
                .lock()
                .waiting
                .push_within_capacity(waiting)
                .is_err()
            {
                pr_err!("an operation was lost: more were handed over than promised\n");
            }
        }
        to.wake();
    }

    fn take_about(&self, parent: &Parent) -> Option<Waiting> {
        let mut queue = self.queue.lock();
        let is_about = |waiting: &Waiting| waiting.operation.is_about(parent);
        let index = queue.waiting.iter().position(is_about)?;
        queue.waiting.remove(index).ok()
    }

    /// How many wait for their turn about `parent`.
    pub(crate) fn waiting_about(&self, parent: &Parent) -> usize {
        let queue = self.queue.lock();
        let waiting = queue.waiting.iter();
        waiting
            .filter(|waiting| waiting.operation.is_about(parent))
            .count()
    }

    /// The last user has left a virtual host that is to come to rest. Any context.
    pub(crate) fn wake(self: &Arc<Self>) {
        queue::enqueue(self.clone());
    }

    /// Something is under way.
    pub(crate) fn is_busy(&self) -> bool {
        !matches!(self.queue.lock().current, Current::None)
    }

    /// What is current, whether it is parked, and how many wait; for people to read.
    pub(crate) fn status(&self) -> (Option<trace::Operation>, bool, usize) {
        let queue = self.queue.lock();
        let (current, is_parked) = match &queue.current {
            Current::None => (None, false),
            Current::Running(subject) => (Some(*subject), false),
            Current::Paused(operation, pause) => (
                Some(operation.subject()),
                *pause == (Pause::Rest { parked: true }),
            ),
        };
        (current, is_parked, queue.waiting.len())
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
            None => {
                drop(queue);
                self.start_next()
            }
            Some(Pause::Memory) => {
                drop(queue);
                fsleep(Delta::from_millis(RETRY_MS));
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
                if parent.reclaim() > 0 {
                    return true;
                }
                self.grace_is_over();
                true
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
            let waited_ns = clock::now_ns().saturating_sub(next.since_ns);
            next.operation.fold(&rtnl, waited_ns);
            self.folded();
        }
    }

    /// Everything that the current operation replaced is freed, unless somebody folds something
    /// in just now, which does not take long.
    fn grace_is_over(&self) {
        let mut queue = self.queue.lock();
        let Current::Paused(operation, pause @ Pause::Grace { folding: 0 }) = &mut queue.current
        else {
            return;
        };
        if operation.parent().has_retired() {
            return;
        }
        if !operation.has_more_steps() {
            // Here and not in a step, which would have to wait for RTNL, so that whoever has RTNL
            // finds it either open to be folded into or gone.
            operation.trace(trace::op_finish);
            let finished = core::mem::replace(&mut queue.current, Current::None);
            drop(queue);
            drop(finished);
            return;
        }
        *pause = Pause::Rest { parked: false };
    }

    fn start_next(self: &Arc<Self>) -> bool {
        let rtnl = RtnlGuard::new();
        let mut queue = self.queue.lock();
        if !matches!(queue.current, Current::None) {
            return true;
        }
        let Ok(mut next) = queue.waiting.remove(0) else {
            return false;
        };
        queue.current = Current::Running(next.operation.subject());
        drop(queue);
        let waited_ns = clock::now_ns().saturating_sub(next.since_ns);
        let progress = next.operation.start(&rtnl, waited_ns);
        self.pause(next.operation, progress);
        true
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
