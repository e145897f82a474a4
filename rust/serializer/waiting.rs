// SPDX-License-Identifier: GPL-2.0
//! The operations of a group that wait for their turn. Equal ones are merged, so there are never
//! more than devices times kinds. Room for all of them is reserved beforehand.

use super::{
    kind::{Census, Kind, Repeated},
    operation::{List, NoMemory, Operation, Subject},
};

/// Where the next one goes.
#[derive(PartialEq, Eq)]
enum Place {
    Last,
    /// Merged with that one.
    At(usize),
    /// Merged with that one, which becomes the last.
    LastWith(usize),
}

/// What has become of an operation.
#[must_use]
pub enum Added<O> {
    /// It waits.
    Waits,
    /// It was merged with one that waits. This one has nothing left to do.
    Supersedes(O),
    /// There is no room: none was promised.
    Lost(O),
}

pub(super) struct Waiting<O: Operation> {
    operations: O::List,
    census: Census,
    /// How many have waited at once, at most.
    longest: usize,
}

impl<O: Operation> Waiting<O> {
    pub(super) fn new() -> Self {
        Self {
            operations: O::List::default(),
            census: Census::default(),
            longest: 0,
        }
    }

    /// Reserves room for all that can be submitted about these. If it fails, nothing has changed.
    pub(super) fn promise(&mut self, more: Census) -> Result<(), NoMemory> {
        let mut census = self.census;
        census.add(more);
        let missing = census.room().saturating_sub(self.operations.len());
        self.operations.reserve(missing)?;
        self.census = census;
        Ok(())
    }

    /// Nothing more will be submitted about these.
    pub(super) fn release(&mut self, less: Census) {
        self.census.subtract(less);
    }

    pub(super) fn census(&self) -> Census {
        self.census
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn list(&self) -> &[O] {
        &self.operations
    }

    /// Where an operation of this kind, about this subject, goes.
    fn place(&self, kind: Kind, subject: Subject) -> Place {
        let same = (0..self.operations.len()).zip(self.operations.iter());
        let same = same.filter(|(_, known)| known.kind() == kind && known.subject() == subject);
        let mut same = same.map(|(index, _)| index);
        match (kind.repeated(), same.next(), same.next()) {
            (_, None, _) | (Repeated::AfterTheFirst, _, None) => Place::Last,
            (Repeated::InPlace, Some(first), _) => Place::At(first),
            (Repeated::After, Some(first), _) => Place::LastWith(first),
            (Repeated::AfterTheFirst, _, Some(second)) => Place::LastWith(second),
        }
    }

    /// The one that an operation of this kind, about this subject, would be merged with.
    pub(super) fn mergeable(&self, kind: Kind, subject: Subject) -> Option<&O> {
        match self.place(kind, subject) {
            Place::Last => None,
            Place::At(index) | Place::LastWith(index) => self.operations.get(index),
        }
    }

    /// Lets `operation` wait for its turn.
    pub(super) fn add(&mut self, mut operation: O) -> Added<O> {
        let mut superseded = None;
        match self.place(operation.kind(), operation.subject()) {
            Place::Last => (),
            Place::At(index) => {
                if let Some(known) = self.operations.get_mut(index) {
                    return Added::Supersedes(known.absorb(operation));
                }
            }
            Place::LastWith(index) => {
                if let Some(mut known) = self.operations.remove(index) {
                    superseded = Some(known.absorb(operation));
                    operation = known;
                }
            }
        }
        match (self.push(operation), superseded) {
            (Added::Waits, Some(superseded)) => Added::Supersedes(superseded),
            (added, _) => added,
        }
    }

    /// As [`Self::add`], for one that is not merged.
    pub(super) fn push(&mut self, operation: O) -> Added<O> {
        if let Err(operation) = self.operations.push(operation) {
            return Added::Lost(operation);
        }
        self.longest = self.longest.max(self.operations.len());
        Added::Waits
    }

    /// Removes the first one that `which` is true of.
    pub(super) fn take(&mut self, which: impl FnMut(&O) -> bool) -> Option<O> {
        let index = self.operations.iter().position(which)?;
        self.operations.remove(index)
    }

    pub(super) fn first(&self) -> Option<&O> {
        self.operations.first()
    }

    pub(super) fn first_mut(&mut self) -> Option<&mut O> {
        self.operations.first_mut()
    }

    /// Takes the first one, and has those that can go along with it do so. If it fails, nothing has
    /// changed.
    pub(super) fn take_first(&mut self) -> Result<Option<O>, NoMemory> {
        let Some((first, others)) = self.operations.split_first_mut() else {
            return Ok(None);
        };
        let along = others.iter().filter(|other| go_along(first, other));
        first.make_room_along(along.fold(0, |count: usize, _| count.saturating_add(1)))?;
        let Some(mut first) = self.operations.remove(0) else {
            return Ok(None);
        };
        while let Some(other) = self.take(|other| go_along(&first, other)) {
            first.take_along(other);
        }
        Ok(Some(first))
    }

    /// An empty list with as much room as this one has.
    pub(super) fn like(&self) -> Result<O::List, NoMemory> {
        let mut list = O::List::default();
        list.reserve(self.census.room())?;
        Ok(list)
    }

    /// Returns all that wait, and keeps `room` in their place.
    pub(super) fn exchange(&mut self, room: O::List) -> O::List {
        core::mem::replace(&mut self.operations, room)
    }
}

fn go_along<O: Operation>(first: &O, other: &O) -> bool {
    first.kind() == other.kind()
        && first.kind().goes_along()
        && first.subject().parent == other.subject().parent
}
