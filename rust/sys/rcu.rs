// SPDX-License-Identifier: GPL-2.0
//! A pointer that readers follow without a lock, and that a writer replaces whole.
//!
//! The kernel crate has RCU's read side and its grace periods, but no pointer that is published.
//!
//! Vocabulary:
//!
//! * *publish*: make a new value the one that readers find from now on.
//! * *retired*: replaced, but maybe still in use by a reader that has loaded it before.
//! * *reclaim*: wait for a grace period, then free all that was retired before it.
//!
//! An operation that waits for the grace period anyway retires what it replaces. Where nobody
//! waits, the RCU softirq frees what was replaced.

use core::{
    marker::PhantomData,
    ptr::{self, NonNull},
};
use kernel::{
    bindings, container_of,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed, Release},
        rcu::{synchronize_rcu, Guard},
    },
    types::Opaque,
};

/// Evidence that the caller of one of our functions is in an RCU read-side critical section.
///
/// # Safety
///
/// It is, for `'a`.
pub(super) unsafe fn read_locked<'a>() -> &'a Guard {
    const { assert!(size_of::<Guard>() == 0) };
    // SAFETY: A reference to nothing, which is aligned. That RCU is read-locked is this function's
    // contract; nobody drops what is borrowed.
    unsafe { NonNull::<Guard>::dangling().as_ref() }
}

struct Node<T> {
    value: T,
    /// The next node of a [`RetiredList`]. Readers never look at it.
    next: *mut Node<T>,
    /// For the RCU softirq, if that frees the node.
    head: Opaque<bindings::callback_head>,
}

// SAFETY: `next` is only followed by the list that owns the node, `head` only by RCU.
unsafe impl<T: Send> Send for Node<T> {}
// SAFETY: As above; readers share `value`.
unsafe impl<T: Sync> Sync for Node<T> {}

/// A value that is ready to be published. Memory is taken here, where failing is still harmless.
pub(crate) struct Fresh<T>(KBox<Node<T>>);

impl<T> Fresh<T> {
    pub(crate) fn new(value: T) -> Result<Self> {
        let node = Node {
            value,
            next: ptr::null_mut(),
            head: Opaque::uninit(),
        };
        Ok(Self(KBox::new(node, GFP_KERNEL_ACCOUNT)?))
    }
}

impl<T> core::ops::Deref for Fresh<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0.value
    }
}

impl<T> core::ops::DerefMut for Fresh<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0.value
    }
}

/// A pointer to an immutable `T` or to nothing.
///
/// # Invariants
///
/// `node` is null or comes from a `KBox<Node<T>>` that this pointer owns.
pub(crate) struct RcuPointer<T> {
    node: Atomic<*mut Node<T>>,
    _owns: PhantomData<KBox<T>>,
}

// SAFETY: Zeros are a pointer to nothing.
unsafe impl<T> Zeroable for RcuPointer<T> {}
// SAFETY: Readers on any CPU share `&T`; the owner of `&RcuPointer` may take a `T` out and drop it.
unsafe impl<T: Send + Sync> Sync for RcuPointer<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync> Send for RcuPointer<T> {}

impl<T> RcuPointer<T> {
    /// A pointer to nothing.
    pub(crate) const fn empty() -> Self {
        // INVARIANT: Null.
        Self {
            node: Atomic::new(ptr::null_mut()),
            _owns: PhantomData,
        }
    }

    /// What is published now. Load it once a path and use only the result.
    pub(crate) fn read<'a>(&'a self, _guard: &'a Guard) -> Option<&'a T> {
        // ORDERING: Acquire pairs with the release in `swap()`, so the value is seen initialised.
        let node = self.node.load(Acquire);
        // SAFETY: By the type's invariant the node is alive when loaded. A writer that replaces it
        // frees it after a grace period only, which cannot end before `_guard` is dropped.
        Some(unsafe { &(*NonNull::new(node)?.as_ptr()).value })
    }

    /// Publishes `fresh` (or nothing) and puts what it replaces on `retired`.
    pub(crate) fn publish(&self, fresh: Option<Fresh<T>>, retired: &RetiredList<T>) {
        if let Some(old) = self.swap(fresh) {
            retired.push(old);
        }
    }

    /// Publishes `fresh` (or nothing). What it replaces is dropped by the RCU softirq. The module
    /// calls `rcu_barrier()` before it is unloaded.
    pub(crate) fn replace(&self, fresh: Option<Fresh<T>>)
    where
        T: Send + 'static,
    {
        if let Some(old) = self.swap(fresh) {
            // SAFETY: The node is alive, and ours since it is published no more.
            let head = unsafe { (*old.as_ptr()).head.get() };
            // SAFETY: `head` is in a node that nobody else queues or frees.
            unsafe { bindings::call_rcu(head, Some(free::<T>)) };
        }
    }

    /// Publishes `fresh` (or nothing), and returns what was published: a node that came from a box,
    /// in which only readers still are.
    fn swap(&self, fresh: Option<Fresh<T>>) -> Option<NonNull<Node<T>>> {
        let node = fresh.map_or(ptr::null_mut(), |fresh| KBox::into_raw(fresh.0));
        // INVARIANT: `node` is null or was a box a moment ago.
        // ORDERING: Release publishes the value; acquire makes the old one's contents ours.
        NonNull::new(self.node.xchg(node, Full))
    }
}

/// # Safety
///
/// Called by RCU, with the head that [`RcuPointer::replace`] has queued, only.
unsafe extern "C" fn free<T>(head: *mut bindings::callback_head) {
    let head: *mut Opaque<bindings::callback_head> = head.cast();
    // SAFETY: By this function's contract `head` is that of a node.
    let node = unsafe { container_of!(head, Node<T>, head) };
    // SAFETY: It came from a box, and a grace period has ended since it was unpublished.
    drop(unsafe { KBox::from_raw(node) });
}

impl<T> Drop for RcuPointer<T> {
    fn drop(&mut self) {
        if let Some(node) = NonNull::new(*self.node.get_mut()) {
            // SAFETY: By the type's invariant it came from a box. `&mut self` shows that no reader
            // can hold `&self` any more, and with it none can hold the value.
            drop(unsafe { KBox::from_raw(node.as_ptr()) });
        }
    }
}

/// Values that are no longer published and not yet freed.
///
/// # Invariants
///
/// `first` heads a list, linked by `Node::next`, of nodes that came from boxes and that only this
/// list owns.
pub(crate) struct RetiredList<T> {
    first: Atomic<*mut Node<T>>,
    _owns: PhantomData<KBox<T>>,
}

// SAFETY: The list hands its values to one owner at a time.
unsafe impl<T: Send + Sync> Sync for RetiredList<T> {}
// SAFETY: As above.
unsafe impl<T: Send + Sync> Send for RetiredList<T> {}

impl<T> RetiredList<T> {
    pub(crate) const fn new() -> Self {
        // INVARIANT: An empty list.
        Self {
            first: Atomic::new(ptr::null_mut()),
            _owns: PhantomData,
        }
    }

    fn push(&self, node: NonNull<Node<T>>) {
        let mut first = self.first.load(Relaxed);
        loop {
            // SAFETY: The node was unpublished by the caller: readers use its `value` only.
            unsafe { (*node.as_ptr()).next = first };
            // INVARIANT: The node came from a box and now heads the list.
            // ORDERING: Release hands the node's `next` to whoever takes the list.
            match self.first.cmpxchg(first, node.as_ptr(), Release) {
                Ok(_) => return,
                Err(now) => first = now,
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.first.load(Relaxed).is_null()
    }

    /// All that has been retired until now. What is retired from now on is not in it.
    pub(crate) fn take(&self) -> Retired<T> {
        // INVARIANT: The list owned its nodes, and has none of them any more.
        // ORDERING: Acquire pairs with the release in `push()`.
        Retired {
            first: self.first.xchg(ptr::null_mut(), Acquire),
            _owns: PhantomData,
        }
    }

    /// Waits for a grace period, if anything is retired, and frees all that was retired before it.
    /// Returns how many values were freed. Context: process; sleeps.
    pub(crate) fn reclaim(&self) -> usize {
        self.take().reclaim()
    }
}

/// Values of a [`RetiredList`] that wait for one grace period together. The list has lost them, so
/// a grace period that begins now is enough for all of them, and frees no others. Dropping it
/// waits, if there are any. Context: process; sleeps.
///
/// # Invariants
///
/// `first` heads a list, linked by `Node::next`, of nodes that came from boxes, that are published
/// no more and that only this owns.
pub(crate) struct Retired<T> {
    first: *mut Node<T>,
    _owns: PhantomData<KBox<T>>,
}

impl<T> Retired<T> {
    /// Waits for a grace period, if there are any, and frees them. Returns how many there were.
    fn reclaim(mut self) -> usize {
        self.wait_and_free()
    }

    /// Frees them without waiting. Returns how many there were.
    ///
    /// # Safety
    ///
    /// A grace period has begun and ended since [`RetiredList::take`] returned them.
    pub(super) unsafe fn free_after_grace_period(mut self) -> usize {
        // SAFETY: By this function's contract.
        unsafe { self.free() }
    }

    fn wait_and_free(&mut self) -> usize {
        if self.first.is_null() {
            return 0;
        }
        synchronize_rcu();
        // SAFETY: The nodes were taken before.
        unsafe { self.free() }
    }

    /// # Safety
    ///
    /// A grace period has begun and ended since the nodes were taken.
    unsafe fn free(&mut self) -> usize {
        let mut freed: usize = 0;
        while !self.first.is_null() {
            // SAFETY: By the type's invariant it came from a box that this owns. It was unpublished
            // before the grace period, so no reader has it.
            let node = unsafe { KBox::from_raw(self.first) };
            // INVARIANT: What comes after the node is still a list, without it.
            self.first = node.next;
            freed = freed.wrapping_add(1);
        }
        freed
    }
}

impl<T> Drop for Retired<T> {
    fn drop(&mut self) {
        self.wait_and_free();
    }
}

impl<T> Drop for RetiredList<T> {
    fn drop(&mut self) {
        self.reclaim();
    }
}
