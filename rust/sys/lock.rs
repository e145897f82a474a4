// SPDX-License-Identifier: GPL-2.0
//! A spinlock for what softirq and process context share: it disables softirqs while it is held.
//! [`SoftirqsOff`] disables them without a lock. The kernel crate's spinlock does not disable them.
//!
//! All locks of the other rooms are made by macros of this file: the kernel's own macros move.

use super::bindings;
use core::marker::PhantomData;
use kernel::{
    ffi::c_char,
    sync::lock::{Backend, Lock},
};

/// For process context: waiting for it sleeps.
pub(crate) use kernel::sync::Mutex;

/// On this CPU no softirq runs while this exists. Context: process or softirq.
pub(crate) struct SoftirqsOff(PhantomData<*mut ()>);

impl SoftirqsOff {
    pub(crate) fn new() -> Self {
        // SAFETY: Undone when this is dropped, by the same task: it cannot be sent.
        unsafe { bindings::carp_local_bh_disable() };
        Self(PhantomData)
    }
}

impl Drop for SoftirqsOff {
    fn drop(&mut self) {
        // SAFETY: Disabled when this was made.
        unsafe { bindings::carp_local_bh_enable() };
    }
}

/// Makes a [`Mutex`] around a value, which lockdep calls by this name.
macro_rules! mutex {
    ($inner:expr, $name:literal) => {
        ::kernel::new_mutex!($inner, $name)
    };
}
pub(crate) use mutex;

/// The same for a [`SpinLockBh`]; the name is a C string.
macro_rules! spin_lock_bh {
    ($inner:expr, $name:literal) => {
        $crate::sys::lock::SpinLockBh::new($inner, $name, ::kernel::static_lock_class!())
    };
}
pub(crate) use spin_lock_bh;

/// A lock of this kind, around a `T`. Context: process or softirq, never hard interrupt.
pub(crate) type SpinLockBh<T> = Lock<T, SpinLockBhBackend>;

/// `spin_lock_bh()` and its companions.
pub(crate) struct SpinLockBhBackend;

// SAFETY: `spin_lock_bh()` excludes other CPUs until `spin_unlock_bh()`, and softirqs on its own.
unsafe impl Backend for SpinLockBhBackend {
    type State = kernel::bindings::spinlock_t;
    type GuardState = ();

    unsafe fn init(
        ptr: *mut Self::State,
        name: *const c_char,
        key: *mut kernel::bindings::lock_class_key,
    ) {
        // SAFETY: By this function's contract `ptr` is valid for writing, `name` and `key` outlive
        // it.
        unsafe { kernel::bindings::__spin_lock_init(ptr, name, key) }
    }

    unsafe fn lock(ptr: *mut Self::State) {
        // SAFETY: By this function's contract the lock is initialised.
        unsafe { bindings::carp_spin_lock_bh(ptr.cast()) }
    }

    unsafe fn try_lock(ptr: *mut Self::State) -> Option<()> {
        // SAFETY: By this function's contract the lock is initialised.
        unsafe { bindings::carp_spin_trylock_bh(ptr.cast()) }.then_some(())
    }

    unsafe fn unlock(ptr: *mut Self::State, _guard_state: &()) {
        // SAFETY: By this function's contract the caller owns the lock.
        unsafe { bindings::carp_spin_unlock_bh(ptr.cast()) }
    }

    unsafe fn assert_is_held(ptr: *mut Self::State) {
        // SAFETY: By this function's contract the lock is initialised.
        unsafe { kernel::bindings::spin_assert_is_held(ptr) }
    }
}
