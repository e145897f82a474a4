// SPDX-License-Identifier: GPL-2.0
//! What the queue has to know of an operation, and of a list of operations.

use super::kind::Kind;
use core::ops::DerefMut;

/// There is no memory for it now.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMemory;

/// What an operation is about: names that are compared, and nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Subject {
    /// The parent.
    pub parent: usize,
    /// The virtual host on it. None: the parent as a whole.
    pub vhost: Option<usize>,
}

/// One operation.
pub trait Operation: Sized {
    /// What can be told of it while somebody runs a step of it.
    type Summary: Copy;
    /// Keeps those that wait.
    type List: List<Self>;

    /// What can be told of it.
    fn summary(&self) -> Self::Summary;

    /// What it does.
    fn kind(&self) -> Kind;

    /// What it does that to.
    fn subject(&self) -> Subject;

    /// Its parent joins a group with it, or leaves one.
    fn regroups(&self) -> bool;

    /// Does from now on what both would have done, one after the other. `newer` is of the same
    /// kind, about the same. Returns what has nothing left to do.
    #[must_use]
    fn absorb(&mut self, newer: Self) -> Self;

    /// Makes room for so many others that go along. Changes nothing else.
    fn make_room_along(&mut self, others: usize) -> Result<(), NoMemory>;

    /// Does from now on what `other` would do as well. There is room for it.
    fn take_along(&mut self, other: Self);

    /// Nobody is inside the virtual hosts that it has brought down.
    fn is_at_rest(&self) -> bool;

    /// Something that was replaced on its parent has not been freed.
    fn has_retired(&self) -> bool;
}

/// A list that grows only when it is told to.
pub trait List<T>: Default + DerefMut<Target = [T]> {
    /// Makes room for so many more. If it fails, nothing has changed.
    fn reserve(&mut self, more: usize) -> Result<(), NoMemory>;

    /// Adds it at the end; or returns it if there is no room.
    fn push(&mut self, operation: T) -> Result<(), T>;

    /// Takes the one that is there. Those after it move up.
    fn remove(&mut self, index: usize) -> Option<T>;
}
