// SPDX-License-Identifier: GPL-2.0
//! The same for `rust/serializer`.

use core::ops::{Deref, DerefMut};

use crate::serializer::kind::{About, Census, Kind, Repeated};
use crate::serializer::operation::{List, NoMemory, Operation, Subject};
use crate::serializer::queue::{AtOnce, Due, Fold, Freed, Progress, Queue, Step, Submitted};
use crate::serializer::waiting::Added;

/// Any operation will do.
#[derive(Clone, Copy)]
pub struct Op {
    kind: Kind,
    subject: Subject,
    flags: u8,
}

impl Operation for Op {
    type Summary = u8;
    type List = Few;

    #[inline(never)]
    fn summary(&self) -> u8 {
        self.flags
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn subject(&self) -> Subject {
        self.subject
    }

    #[inline(never)]
    fn regroups(&self) -> bool {
        self.flags & 1 != 0
    }

    #[inline(never)]
    fn absorb(&mut self, newer: Self) -> Self {
        core::mem::replace(self, newer)
    }

    #[inline(never)]
    fn make_room_along(&mut self, others: usize) -> Result<(), NoMemory> {
        (others < 3).then_some(()).ok_or(NoMemory)
    }

    #[inline(never)]
    fn take_along(&mut self, other: Self) {
        self.flags |= other.flags;
    }

    #[inline(never)]
    fn is_at_rest(&self) -> bool {
        self.flags & 2 != 0
    }

    #[inline(never)]
    fn has_retired(&self) -> bool {
        self.flags & 4 != 0
    }
}

/// Room for so many.
const ROOM: usize = 64;

/// A list without memory of its own to ask for.
pub struct Few {
    operations: [Op; ROOM],
    len: usize,
}

impl Default for Few {
    fn default() -> Self {
        let subject = Subject {
            parent: 0,
            vhost: None,
        };
        let op = Op {
            kind: Kind::Sync,
            subject,
            flags: 0,
        };
        Self {
            operations: [op; ROOM],
            len: 0,
        }
    }
}

impl Deref for Few {
    type Target = [Op];
    fn deref(&self) -> &[Op] {
        self.operations.get(..self.len).unwrap_or_default()
    }
}

impl DerefMut for Few {
    fn deref_mut(&mut self) -> &mut [Op] {
        self.operations.get_mut(..self.len).unwrap_or_default()
    }
}

impl List<Op> for Few {
    #[inline(never)]
    fn reserve(&mut self, more: usize) -> Result<(), NoMemory> {
        (more < ROOM).then_some(()).ok_or(NoMemory)
    }

    #[inline(never)]
    fn push(&mut self, operation: Op) -> Result<(), Op> {
        let place = self.operations.get_mut(self.len).ok_or(operation)?;
        *place = operation;
        self.len = self.len.saturating_add(1);
        Ok(())
    }

    #[inline(never)]
    fn remove(&mut self, index: usize) -> Option<Op> {
        let removed = *self.get(index)?;
        let last = self.len.saturating_sub(1);
        *self.operations.get_mut(index)? = *self.operations.get(last)?;
        self.len = last;
        Some(removed)
    }
}

#[no_mangle]
pub fn queue() -> Queue<Op> {
    let _ = Queue::<Op>::default();
    Queue::new()
}

#[no_mangle]
pub fn room(queue: &mut Queue<Op>, census: &mut Census, other: Census) -> Result<usize, NoMemory> {
    queue.promise(*census)?;
    queue.release(other);
    census.add(other);
    census.subtract(queue.census());
    Ok(census.room())
}

#[no_mangle]
pub fn submit(queue: &mut Queue<Op>, operation: Op) -> Submitted<Op> {
    queue.submit(operation)
}

#[no_mangle]
pub fn next_to_start(queue: &mut Queue<Op>) -> Option<&mut Op> {
    queue.next_to_start()
}

#[no_mangle]
pub fn start(queue: &mut Queue<Op>) -> Result<Option<Step<Op>>, NoMemory> {
    queue.start()
}

#[no_mangle]
pub fn step(queue: &mut Queue<Op>) -> Option<Step<Op>> {
    queue.step()
}

#[no_mangle]
pub fn progress(queue: &mut Queue<Op>, mut step: Step<Op>, what: u8) -> Option<Op> {
    step.operation().flags = 0;
    let progress = match what {
        0 => Progress::Finished,
        1 => Progress::Again,
        2 => Progress::NoMemory,
        3 => Progress::Reclaim,
        _ => Progress::Quiesce,
    };
    queue.progress(step, progress)
}

#[no_mangle]
pub fn at_once(queue: &mut Queue<Op>, summary: u8) -> Option<AtOnce> {
    queue.at_once(summary)
}

#[no_mangle]
pub fn at_once_is_over(queue: &mut Queue<Op>, at_once: AtOnce) {
    queue.at_once_is_over(at_once);
}

#[no_mangle]
pub fn due(queue: &mut Queue<Op>) -> Due {
    queue.look()
}

#[no_mangle]
pub fn fold(queue: &mut Queue<Op>) -> Option<Fold<Op>> {
    queue.fold_next()
}

#[no_mangle]
pub fn folded(queue: &mut Queue<Op>, mut fold: Fold<Op>) -> Op {
    fold.operation().flags = 0;
    queue.folded(fold)
}

#[no_mangle]
pub fn freed(queue: &mut Queue<Op>) -> Freed<Op> {
    queue.freed()
}

#[no_mangle]
pub fn take(queue: &mut Queue<Op>, kind: Kind) -> Option<Op> {
    queue.take(|operation| operation.kind == kind)
}

#[no_mangle]
pub fn part(queue: &mut Queue<Op>, other: &mut Queue<Op>) -> Result<Added<Op>, NoMemory> {
    let room = queue.room_to_part()?;
    let parted = queue.part(room);
    Ok(parted.first().map_or(Added::Waits, |op| other.receive(*op)))
}

#[no_mangle]
pub fn seen(queue: &Queue<Op>, kind: Kind, subject: Subject) -> (bool, usize, usize, Option<u8>) {
    let flags = queue.mergeable(kind, subject).map(Op::summary);
    (
        queue.is_idle() || queue.is_parked() || queue.paused().is_none(),
        queue.waiting().len(),
        queue.longest(),
        queue.current().or(flags),
    )
}

#[no_mangle]
pub fn kinds(at: usize) -> Option<(usize, About, Repeated, bool)> {
    let kind = Kind::ALL.get(at)?;
    let len = kind.name().count_bytes();
    let folds = kind.folds() || kind.goes_along();
    Some((len, kind.about(), kind.repeated(), folds))
}
