// SPDX-License-Identifier: GPL-2.0
//! Operations that only remember what they were asked, and a list that has no more room than it was
//! given.

use std::cell::Cell;
use std::ops::{Deref, DerefMut};
use std::rc::Rc;

use carp_proto_tests::serializer::kind::Kind;
use carp_proto_tests::serializer::operation::{List, NoMemory, Operation, Subject};

thread_local! {
    /// There is memory.
    pub static MEMORY: Cell<bool> = const { Cell::new(true) };
}

fn memory() -> Result<(), NoMemory> {
    MEMORY.get().then_some(()).ok_or(NoMemory)
}

pub struct Shelf<T> {
    items: Vec<T>,
    room: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            room: 0,
        }
    }
}

impl<T> Deref for Shelf<T> {
    type Target = [T];
    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> DerefMut for Shelf<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        &mut self.items
    }
}

impl<T> Shelf<T> {
    pub fn into_items(self) -> Vec<T> {
        self.items
    }
}

impl<T> List<T> for Shelf<T> {
    fn reserve(&mut self, more: usize) -> Result<(), NoMemory> {
        let room = self.room.max(self.items.len() + more);
        if room > self.room {
            memory()?;
        }
        self.room = room;
        Ok(())
    }

    fn push(&mut self, item: T) -> Result<(), T> {
        if self.items.len() >= self.room {
            return Err(item);
        }
        self.items.push(item);
        Ok(())
    }

    fn remove(&mut self, index: usize) -> Option<T> {
        (index < self.items.len()).then(|| self.items.remove(index))
    }
}

/// What an operation finds below it.
#[derive(Default)]
pub struct Parent {
    /// Users inside its virtual hosts.
    pub users: Cell<u32>,
    /// Nobody gets in.
    pub is_closed: Cell<bool>,
    /// Something has been replaced.
    pub has_retired: Cell<bool>,
}

/// A request, by when it was asked for.
pub type Id = usize;

/// The settings that one request changes, by the request.
pub type Settings = [Option<Id>; 2];

/// What the next step of an operation is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    First,
    Down,
    Up(u32),
}

pub struct Op {
    pub kind: Kind,
    pub subject: Subject,
    /// The parent whose group it joins.
    pub joins: Option<usize>,
    /// All that it was merged from, oldest first.
    pub requests: Vec<Id>,
    /// The one whose result it has.
    pub result: Id,
    pub settings: Settings,
    pub along: Shelf<Op>,
    pub stage: Stage,
    pub parent: Rc<Parent>,
}

impl Operation for Op {
    type Summary = Id;
    type List = Shelf<Self>;

    fn summary(&self) -> Id {
        self.result
    }

    fn kind(&self) -> Kind {
        self.kind
    }

    fn subject(&self) -> Subject {
        self.subject
    }

    fn regroups(&self) -> bool {
        self.joins.is_some()
    }

    fn absorb(&mut self, mut newer: Self) -> Self {
        assert!(self.kind == newer.kind && self.subject == newer.subject);
        assert!(
            self.requests.last() < newer.requests.first(),
            "the newer one is newer"
        );
        self.requests.append(&mut newer.requests);
        std::mem::swap(&mut self.result, &mut newer.result);
        self.joins = newer.joins.take().or(self.joins);
        for (setting, newer) in self.settings.iter_mut().zip(newer.settings) {
            *setting = newer.or(*setting);
        }
        newer
    }

    fn make_room_along(&mut self, others: usize) -> Result<(), NoMemory> {
        self.along.reserve(others)
    }

    fn take_along(&mut self, other: Self) {
        let refused = self.along.push(other).is_err();
        assert!(
            !refused,
            "there is no room for an operation that goes along"
        );
    }

    fn is_at_rest(&self) -> bool {
        self.stage != Stage::Down || self.parent.users.get() == 0
    }

    fn has_retired(&self) -> bool {
        self.parent.has_retired.get()
    }
}
