// SPDX-License-Identifier: GPL-2.0
//! What the queue has to know of an operation, and of a list of operations.

use super::kind::Kind;
use core::ops::DerefMut;

/// Out of memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMemory;

/// What an operation is about, by names that are only compared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subject {
    /// The parent.
    pub parent: usize,
    /// The virtual host on it. None: the parent as a whole.
    pub vhost: Option<usize>,
}

/// One operation.
pub trait Operation: Sized {
    /// What can be shown of it while a step of it runs.
    type Summary: Copy;
    /// The list of those that wait.
    type List: List<Self>;

    /// What can be shown of it.
    fn summary(&self) -> Self::Summary;

    /// What it does.
    fn kind(&self) -> Kind;

    /// What it is about.
    fn subject(&self) -> Subject;

    /// It has its parent join or leave a group.
    fn regroups(&self) -> bool;

    /// Takes over what `newer` would do after it. `newer` is of the same kind, about the same
    /// subject. Returns the one of the two that has nothing left to do.
    #[must_use]
    fn absorb(&mut self, newer: Self) -> Self;

    /// Makes room for this many others that go along. Changes nothing else.
    fn make_room_along(&mut self, others: usize) -> Result<(), NoMemory>;

    /// Takes over what `other` would do as well. Room for it has been made.
    fn take_along(&mut self, other: Self);

    /// Nobody is inside the virtual hosts that it has brought down.
    fn is_at_rest(&self) -> bool;

    /// Something that was replaced on its parent has not been freed yet.
    fn has_retired(&self) -> bool;
}

/// A list that grows only by [`List::reserve`].
pub trait List<T>: Default + DerefMut<Target = [T]> {
    /// Makes room for this many more. If it fails, nothing has changed.
    fn reserve(&mut self, more: usize) -> Result<(), NoMemory>;

    /// Adds it at the end; or returns it if there is no room.
    fn push(&mut self, operation: T) -> Result<(), T>;

    /// Removes the operation at `index`. Those after it move up.
    fn remove(&mut self, index: usize) -> Option<T>;
}
