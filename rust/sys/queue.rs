// SPDX-License-Identifier: GPL-2.0
//! The module's own workqueue: what must sleep and has no process of its own runs here.

use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};
use kernel::{
    bindings,
    prelude::*,
    sync::Arc,
    time::{delay::fsleep, Delta},
    workqueue,
};

static QUEUE: AtomicPtr<bindings::workqueue_struct> = AtomicPtr::new(ptr::null_mut());

/// The queue exists while this does. Dropping it waits for everything that was enqueued.
///
/// # Invariants
///
/// `QUEUE` is the valid queue that [`Registration::new`] made.
pub(crate) struct Registration(());

impl Registration {
    pub(crate) fn new() -> Result<Self> {
        // SAFETY: The format is a valid string that names exactly the one argument behind it.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags_WQ_MEM_RECLAIM,
                0,
                c"carp".as_char_ptr(),
            )
        };
        let queue = NonNull::new(queue).ok_or(ENOMEM)?;
        QUEUE.store(queue.as_ptr(), Ordering::Release);
        // INVARIANT: Stored above.
        Ok(Self(()))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let queue = QUEUE.load(Ordering::Acquire);
        // What runs may enqueue more, and finds the queue until all of it is done.
        // SAFETY: By the type's invariant the queue is valid.
        unsafe { bindings::drain_workqueue(queue) };
        QUEUE.store(ptr::null_mut(), Ordering::Release);
        // SAFETY: As above; nothing is on it, and nobody finds it any more.
        unsafe { bindings::destroy_workqueue(queue) }
    }
}

/// Waits until `work.run()` has returned that was asked for before. Context: process, without any
/// lock that it takes.
pub(crate) fn flush<T>(work: &Arc<T>)
where
    T: workqueue::HasWork<T, 0>,
{
    // SAFETY: The work item is a field of `T`, which the reference keeps.
    let item = unsafe { T::raw_get_work(Arc::as_ptr(work).cast_mut()) };
    // SAFETY: As above.
    unsafe { bindings::flush_work(workqueue::Work::raw_get(item)) };
}

/// What lacked memory is tried again behind this. Context: process; sleeps.
pub(crate) fn wait_for_memory() {
    fsleep(Delta::from_millis(20));
}

/// Has `work.run()` called soon, once however often it is asked for before it starts.
pub(crate) fn enqueue<T>(work: Arc<T>)
where
    T: workqueue::HasWork<T, 0> + workqueue::WorkItem<0, Pointer = Arc<T>> + Send + Sync + 'static,
{
    let Some(queue) = NonNull::new(QUEUE.load(Ordering::Acquire)) else {
        return;
    };
    // SAFETY: The queue is valid while the registration lives, which outlives every caller: the
    // module drops it last.
    let queue = unsafe { workqueue::Queue::from_raw(queue.as_ptr()) };
    // Already queued means that it will run; nothing more is asked for.
    let _ = queue.enqueue::<Arc<T>, 0>(work);
}
