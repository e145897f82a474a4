// SPDX-License-Identifier: GPL-2.0
//! The operations of a group that wait for their turn: one of a kind about each subject, so that
//! there are never more than devices times kinds, and there is room for all of them beforehand.
//!
//! What is asked for while the same still waits is merged with it. All that was asked for is done in
//! the end as if it had been done in the order of asking:
//!
//! | kind | asked again, while it waits |
//! |---|---|
//! | join | cannot be: its device is set down between, which takes the waiting one away |
//! | configure | one, in the place of the first: of each setting the newest |
//! | vhid, addresses | one, in the place of the first: the newest |
//! | state | one, the newest, in the place of the newest |
//! | leave, parent-*, ties | one, in the place of the first: it looks at what is the case in its turn |
//! | sync | two: the first stays where it is, the second waits in the place of the newest |
//!
//! What takes the place of the first is done before others that were asked for earlier. With these it
//! commutes (yes), or else it goes after them:
//!
//! | before an earlier ... | join | configure | vhid | addresses | state | leave, parent-*, ties | sync |
//! |---|---|---|---|---|---|---|---|
//! | configure, vhid, addresses | yes | yes | yes | yes | yes | yes | yes |
//! | leave, parent-*, ties | yes | yes | yes | yes | yes | yes | yes |
//! | state | no | no | no | no | the newest counts | no | yes |
//! | sync | no | no | no | no | no | no | yes |
//!
//! Settings, vhid and addresses of a virtual host are three things, and those of another one are three
//! more; what runs is derived from all of them, whatever changed first. An event derives it from what
//! is the case. A state is asked of what a virtual host is when all that was asked before is done.
//! A sync waits for what was asked for before, and nothing waits for a sync. It cannot be put off for
//! ever: the first one that waits keeps its place, and then the second is the first.

use super::{operation::Operation, parent::Parent};
use crate::sys::log;
use kernel::{prelude::*, sync::Arc};

/// For how many operations there has to be room.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Census {
    pub(super) parents: usize,
    pub(super) vhosts: usize,
}

impl Census {
    /// A leave, a state, limits, an address, ties and two syncs.
    const KINDS_OF_PARENT: usize = 7;
    /// A join, settings, a vhid, addresses and a state.
    const KINDS_OF_VHOST: usize = 5;

    pub(super) fn room(self) -> usize {
        self.parents
            .saturating_mul(Self::KINDS_OF_PARENT)
            .saturating_add(self.vhosts.saturating_mul(Self::KINDS_OF_VHOST))
    }

    pub(super) fn add(&mut self, more: Self) {
        self.parents = self.parents.saturating_add(more.parents);
        self.vhosts = self.vhosts.saturating_add(more.vhosts);
    }

    pub(super) fn subtract(&mut self, less: Self) {
        self.parents = self.parents.saturating_sub(less.parents);
        self.vhosts = self.vhosts.saturating_sub(less.vhosts);
    }
}

/// What becomes of an operation that waits when the same is asked for again.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    /// Both are one, where the first waits.
    InPlace,
    /// Both are one, after all that was asked for before.
    After,
    /// The first stays what it is; a second and all later ones are one, after all that was asked
    /// for before.
    AfterTheFirst,
}

/// Where the next one goes.
#[derive(PartialEq, Eq)]
enum Place {
    Last,
    /// Merged with that one.
    At(usize),
    /// Merged with that one, which becomes the last.
    LastWith(usize),
}

impl Repeated {
    /// `same`: where those wait that are of its kind and about its subject.
    fn place(self, mut same: impl Iterator<Item = usize>) -> Place {
        match (self, same.next(), same.next()) {
            (_, None, _) | (Self::AfterTheFirst, _, None) => Place::Last,
            (Self::InPlace, Some(first), _) => Place::At(first),
            (Self::After, Some(first), _) => Place::LastWith(first),
            (Self::AfterTheFirst, _, Some(second)) => Place::LastWith(second),
        }
    }
}

pub(super) struct Waiting {
    operations: KVec<Operation>,
    census: Census,
    /// How many have waited at once, at most.
    longest: usize,
}

impl Waiting {
    pub(super) const fn new() -> Self {
        Self {
            operations: KVec::new(),
            census: Census {
                parents: 0,
                vhosts: 0,
            },
            longest: 0,
        }
    }

    /// Makes room for what these can ask for; or fails if out of memory, and changes nothing.
    pub(super) fn promise(&mut self, more: Census) -> Result {
        let mut census = self.census;
        census.add(more);
        let missing = census.room().saturating_sub(self.operations.len());
        self.operations.reserve(missing, GFP_KERNEL_ACCOUNT)?;
        self.census = census;
        Ok(())
    }

    /// These ask for nothing any more.
    pub(super) fn release(&mut self, less: Census) {
        self.census.subtract(less);
    }

    pub(super) fn census(&self) -> Census {
        self.census
    }

    /// Lets `operation` wait for its turn. Returns what has nothing left to do and is to be abandoned.
    #[must_use]
    pub(super) fn add(&mut self, mut operation: Operation) -> Option<Operation> {
        let is_same = |(_, known): &(usize, &Operation)| known.is_same(&operation);
        let same = self.operations.iter().enumerate().filter(is_same);
        let superseded = match operation.repeated().place(same.map(|(index, _)| index)) {
            Place::At(index) => {
                let known = self.operations.get_mut(index)?;
                return Some(known.absorb(operation));
            }
            Place::LastWith(index) => {
                let mut known = self.operations.remove(index).ok()?;
                let superseded = known.absorb(operation);
                operation = known;
                Some(superseded)
            }
            Place::Last => None,
        };
        self.push(operation);
        superseded
    }

    /// The same where nothing is of its kind about its subject.
    pub(super) fn push(&mut self, operation: Operation) {
        if let Err(refused) = self.operations.push_within_capacity(operation) {
            let device = refused.0.parent().device();
            log::warn(
                device,
                fmt!("an operation was lost: there was no room for it"),
            );
        }
        self.longest = self.longest.max(self.operations.len());
    }

    /// An empty one with as much room.
    pub(super) fn like(&self) -> Result<Self> {
        Ok(Self {
            operations: KVec::with_capacity(self.census.room(), GFP_KERNEL_ACCOUNT)?,
            ..Self::new()
        })
    }

    /// Takes all that wait, and leaves the room of `empty`.
    pub(super) fn exchange(&mut self, empty: &mut Self) -> KVec<Operation> {
        core::mem::replace(&mut self.operations, core::mem::take(&mut empty.operations))
    }

    pub(super) fn first(&self) -> Option<&Operation> {
        self.operations.first()
    }

    /// To be asked what it needs; it remains the first.
    pub(super) fn first_mut(&mut self) -> Option<&mut Operation> {
        self.operations.first_mut()
    }

    /// Makes room for those that go along with the first; or fails if out of memory.
    pub(super) fn make_room_along(&mut self) -> Result {
        let Some((first, others)) = self.operations.split_first_mut() else {
            return Ok(());
        };
        let along = others.iter().filter(|other| other.goes_along_with(first));
        let along = along.count();
        first.make_room_along(along)
    }

    /// Takes the first of those.
    pub(super) fn take(&mut self, which: impl Fn(&Operation) -> bool) -> Option<Operation> {
        let index = self.operations.iter().position(which)?;
        self.operations.remove(index).ok()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Operation> {
        self.operations.iter()
    }

    pub(super) fn len(&self) -> usize {
        self.operations.len()
    }

    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    /// Another one that waits until everything that is asked of `parent` by now is done finds room.
    pub(super) fn has_room_to_sync(&self, parent: &Arc<Parent>) -> bool {
        let mut syncs = self.operations.iter().filter(|op| op.is_sync_of(parent));
        syncs.nth(1).is_none_or(Operation::has_room_to_sync)
    }
}
