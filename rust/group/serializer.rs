// SPDX-License-Identifier: GPL-2.0
//! One operation on a group at a time, in the order in which they were asked for.
//!
//! `crate::serializer` decides what is to be done, and when. Its words are used here too. This file
//! carries its decisions out: it has the lock, the work item, RTNL and the memory.
//!
//! Contexts: an operation is submitted under RTNL. If nothing is in its way, it starts there and
//! then, so that a request is done when the command returns. The work item does the rest: whatever
//! must sleep or wait, or comes after another operation. It takes RTNL for every step but a wait.
//! Nobody ever waits for the work item under RTNL.
//!
//! An operation that has a parent join another group is one of both groups. When it is next in its
//! own group, that group is merged into the other one. The operation waits there for its turn, and
//! the operations after it follow. So it starts when nothing is under way in either group. Groups
//! are merged and separated in one go, under RTNL. No group waits for another one, so no two groups
//! wait for each other.

use super::{operation::Operation, parent::Parent, ties};
use crate::{
    serializer::{
        kind::{Census, Kind},
        operation::Operation as _,
        queue::{Due, Fold, Freed, Progress, Queue, Step, Submitted},
        waiting::Added,
    },
    sys::{
        lock::{mutex, Mutex},
        log,
        net_device::{NetDevice, Rtnl, RtnlGuard},
        queue::{self, impl_work, work, Job, Work},
        trace,
    },
};
use kernel::{prelude::*, sync::Arc};

#[pin_data]
pub(crate) struct Serializer {
    /// No operation is dropped under this lock. An operation may have the last reference to a
    /// parent, which gives back its room, and takes the lock for that.
    #[pin]
    guarded: Mutex<Guarded>,
    #[pin]
    work: Work<Serializer>,
}

struct Guarded {
    queue: Queue<Operation>,
    /// The longest time from submitting an operation to its end.
    slowest_ns: u64,
}

impl Guarded {
    /// `operation` is done.
    fn note(&mut self, operation: &Operation) {
        self.slowest_ns = self.slowest_ns.max(operation.age_ns());
    }

    /// `operation` was the current one, and is done.
    fn finish(&mut self, operation: &Operation) {
        operation.trace(trace::op_finish);
        self.note(operation);
    }
}

/// What a group is doing, for people to read.
pub(super) struct Status {
    pub(super) current: Option<trace::Operation>,
    pub(super) is_parked: bool,
    pub(super) waiting: KVec<trace::Operation>,
    /// How many operations can wait.
    pub(super) room: usize,
    /// How many operations have waited at once, at most, and how long the slowest one has taken,
    /// since the group was made.
    pub(super) longest: usize,
    pub(super) slowest_ns: u64,
}

/// What the work item is to do after a step.
enum Next {
    Again,
    /// The same step, when there may be memory for it.
    Retry,
    Nothing,
}

impl_work!(Serializer, work);

impl Job for Serializer {
    fn run(this: Arc<Self>) {
        match this.advance() {
            // Groups take turns: there may be more of them than threads.
            Next::Again => this.wake(),
            Next::Retry => queue::retry(this),
            Next::Nothing => (),
        }
    }
}

impl Serializer {
    pub(crate) fn new() -> Result<Arc<Self>> {
        Arc::pin_init(
            pin_init!(Self {
                guarded <- mutex!(
                    Guarded { queue: Queue::new(), slowest_ns: 0 },
                    "carp serializer"
                ),
                work <- work!("carp serializer"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    /// Reserves room for all operations about `more`, or fails if out of memory. So submitting
    /// cannot fail.
    pub(super) fn promise(&self, more: Census) -> Result {
        Ok(self.guarded.lock().queue.promise(more)?)
    }

    /// Takes a promise back.
    pub(super) fn release(&self, less: Census) {
        self.guarded.lock().queue.release(less);
    }

    /// Does `operation`, now or in its turn.
    pub(crate) fn submit(self: &Arc<Self>, rtnl: &Rtnl<'_>, operation: Operation) {
        self.submit_in_a_row(rtnl, [operation]);
    }

    /// Does `operations`, with nothing between them. All of them are in the queue when the first
    /// starts. Starting it may merge this group into another one, and then nobody has this
    /// serializer any more.
    pub(crate) fn submit_in_a_row(
        self: &Arc<Self>,
        rtnl: &Rtnl<'_>,
        operations: impl IntoIterator<Item = Operation>,
    ) {
        for operation in operations {
            let submitted = self.guarded.lock().queue.submit(operation);
            match submitted {
                Submitted::Fold(fold) => self.fold(rtnl, fold),
                Submitted::Added(added) => settle(rtnl, added),
            }
        }
        if self.start_waiting(rtnl).is_err() {
            self.wake();
        }
    }

    /// Does `f`, which cannot wait for its turn. If nothing is current, `f` is an operation of its
    /// own. Otherwise it is a part of the current one.
    pub(super) fn at_once(
        self: &Arc<Self>,
        _rtnl: &Rtnl<'_>,
        parent: &NetDevice,
        summary: trace::Operation,
        f: impl FnOnce(),
    ) {
        let at_once = self.guarded.lock().queue.at_once(summary);
        let Some(at_once) = at_once else {
            trace::op_fold(parent, summary);
            return f();
        };
        trace::op_start(parent, summary);
        f();
        trace::op_finish(parent, summary);
        self.guarded.lock().queue.at_once_is_over(at_once);
        self.wake();
    }

    /// Drops the waiting operations that `which` is true of. False: there was none.
    pub(super) fn forget(&self, rtnl: &Rtnl<'_>, which: impl Fn(&Operation) -> bool) -> bool {
        let mut any = false;
        while let Some(waiting) = self.take(&which) {
            waiting.abandon(rtnl);
            any = true;
        }
        any
    }

    fn take(&self, which: impl Fn(&Operation) -> bool) -> Option<Operation> {
        self.guarded.lock().queue.take(which)
    }

    /// Prepares to move parents out of this group. Fails if out of memory.
    pub(super) fn exodus<'a>(self: &'a Arc<Self>, rtnl: &'a Rtnl<'a>) -> Result<Exodus<'a>> {
        Ok(Exodus {
            from: self,
            room: self.guarded.lock().queue.room_to_part()?,
            rtnl,
        })
    }

    /// More than one parent belongs to the group.
    pub(crate) fn is_shared(&self) -> bool {
        self.guarded.lock().queue.census().parents > 1
    }

    /// Another answer can wait until everything that was asked of `parent` so far is done.
    pub(crate) fn has_room_to_sync(&self, parent: &Arc<Parent>) -> bool {
        let guarded = self.guarded.lock();
        let known = guarded
            .queue
            .mergeable(Kind::Sync, Operation::whole(parent));
        known.is_none_or(Operation::has_room_to_sync)
    }

    /// Has the work item look what is due, as when the last user has left a virtual host. Any
    /// context.
    pub(crate) fn wake(self: &Arc<Self>) {
        queue::enqueue(self.clone());
    }

    /// There is a current operation.
    pub(crate) fn is_busy(&self) -> bool {
        !self.guarded.lock().queue.is_idle()
    }

    /// Fails if out of memory.
    pub(super) fn status(&self) -> Result<Status> {
        let guarded = self.guarded.lock();
        let queue = &guarded.queue;
        let mut waiting = KVec::with_capacity(queue.waiting().len(), GFP_KERNEL_ACCOUNT)?;
        for operation in queue.waiting() {
            waiting
                .push_within_capacity(operation.summary())
                .or(Err(ENOMEM))?;
        }
        Ok(Status {
            current: queue.current(),
            is_parked: queue.is_parked(),
            waiting,
            room: queue.census().room(),
            longest: queue.longest(),
            slowest_ns: guarded.slowest_ns,
        })
    }

    /// One step of the work item.
    fn advance(self: &Arc<Self>) -> Next {
        let mut guarded = self.guarded.lock();
        let due = guarded.queue.look();
        let mut parent = None;
        if let Some(current) = guarded.queue.paused() {
            match due {
                Due::Park => current.trace(trace::op_park),
                Due::Resume => current.trace(trace::op_resume),
                _ => (),
            }
            parent = Some(current.parent().clone());
        }
        drop(guarded);
        match due {
            Due::Nothing | Due::Park => Next::Nothing,
            Due::Start => match self.start_waiting(&RtnlGuard::new()) {
                Ok(()) => Next::Again,
                Err(_) => Next::Retry,
            },
            Due::Step | Due::Memory => self.step(),
            Due::Free { folds } => {
                if folds {
                    self.fold_what_waits();
                }
                let freed = parent.map_or(0, |parent| parent.reclaim());
                if freed > 0 || self.all_is_freed() {
                    Next::Again
                } else {
                    Next::Nothing
                }
            }
            Due::Resume | Due::Again => Next::Again,
        }
    }

    /// Runs an operation as a part of the current one.
    fn fold(&self, rtnl: &Rtnl<'_>, mut fold: Fold<Operation>) {
        fold.operation().fold(rtnl);
        let mut guarded = self.guarded.lock();
        let operation = guarded.queue.folded(fold);
        guarded.note(&operation);
        drop(guarded);
        drop(operation);
    }

    /// Folds the next operations into the current one, as long as they can be.
    fn fold_what_waits(&self) {
        let rtnl = RtnlGuard::new();
        while let Some(fold) = self.fold_next() {
            self.fold(&rtnl, fold);
        }
    }

    fn fold_next(&self) -> Option<Fold<Operation>> {
        self.guarded.lock().queue.fold_next()
    }

    /// All that the current operation replaced is freed. False: somebody is just folding another
    /// operation in, and wakes the work item after that.
    fn all_is_freed(&self) -> bool {
        let mut guarded = self.guarded.lock();
        let freed = guarded.queue.freed();
        if let Freed::Finish(operation) = &freed {
            guarded.finish(operation);
        }
        drop(guarded);
        !matches!(freed, Freed::Folding)
    }

    /// Starts the waiting operations, one after the other, until one has to pause. If one joins
    /// another group, this group is merged into that one, and this goes on there. Fails if out of
    /// memory: then the caller tries again.
    fn start_waiting(self: &Arc<Self>, rtnl: &Rtnl<'_>) -> Result {
        let mut group = self.clone();
        loop {
            let mut guarded = group.guarded.lock();
            let Some(next) = guarded.queue.next_to_start() else {
                break;
            };
            if let Some(other) = next.other_group(rtnl)? {
                let parents = ties::parents_of_group(rtnl, next.parent())?;
                drop(guarded);
                group.exodus(rtnl)?.hand_over(parents.list(), &other)?;
                group = other;
                continue;
            }
            let Some(mut step) = guarded.queue.start()? else {
                break;
            };
            drop(guarded);
            let progress = step.operation().start(rtnl);
            group.step_is_over(step, progress);
        }
        if group.is_busy() {
            group.wake();
        }
        Ok(())
    }

    fn step(&self) -> Next {
        let rtnl = RtnlGuard::new();
        let Some(mut step) = self.guarded.lock().queue.step() else {
            return Next::Again;
        };
        let progress = step.operation().step(&rtnl);
        let next = match progress {
            Progress::NoMemory => Next::Retry,
            _ => Next::Again,
        };
        self.step_is_over(step, progress);
        next
    }

    fn step_is_over(&self, step: Step<Operation>, progress: Progress) {
        let mut guarded = self.guarded.lock();
        let finished = guarded.queue.progress(step, progress);
        if let Some(operation) = &finished {
            guarded.finish(operation);
        }
        drop(guarded);
        drop(finished);
    }
}

/// Does what is left to do for an operation that was to wait.
fn settle(rtnl: &Rtnl<'_>, added: Added<Operation>) {
    match added {
        Added::Waits => (),
        Added::Supersedes(superseded) => superseded.abandon(rtnl),
        Added::Lost(operation) => {
            log::warn(
                operation.parent().device(),
                fmt!("an operation was lost: there was no room for it"),
            );
            operation.abandon(rtnl);
        }
    }
}

/// Moves parents out of a group, one set of them after the other. When this is dropped, the waiting
/// operations about these parents follow in one go. They wait after those of their new groups.
pub(super) struct Exodus<'a> {
    from: &'a Arc<Serializer>,
    /// The list of the operations that stay.
    room: KVec<Operation>,
    /// Keeps others from submitting more.
    rtnl: &'a Rtnl<'a>,
}

impl Exodus<'_> {
    /// Moves `parents` to the group of `to`. Fails if out of memory, and then moves none. The
    /// current operation is not about them.
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
        // The room for virtual hosts that have gone meanwhile.
        promised.subtract(moved);
        to.release(promised);
        Ok(())
    }
}

impl Drop for Exodus<'_> {
    fn drop(&mut self) {
        let room = core::mem::take(&mut self.room);
        let waiting = self.from.guarded.lock().queue.part(room);
        for operation in waiting {
            let group = operation.parent().serializer();
            let added = group.guarded.lock().queue.receive(operation);
            settle(self.rtnl, added);
            group.wake();
        }
    }
}
