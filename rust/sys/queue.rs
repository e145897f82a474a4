// SPDX-License-Identifier: GPL-2.0
//! The module's own workqueues: what must sleep and has no process of its own runs here.
//!
//! Each has few threads, whatever the number of devices: most of what runs takes RTNL, and so waits
//! for the others anyway. What is urgent waits for RTNL or memory at most. The rest may also wait
//! for grace periods, and for what is urgent.

use core::ptr::{self, NonNull};
use kernel::sync::atomic::{Acquire, Atomic, Full, Release};
use kernel::{
    bindings,
    ffi::c_int,
    prelude::*,
    sync::Arc,
    time::{delay::fsleep, Delta},
    workqueue,
};

/// Grace periods are shared by those that wait for one at the same time.
const THREADS: c_int = 32;
const URGENT_THREADS: c_int = 4;

/// For what may take its time.
static QUEUE: Atomic<*mut bindings::workqueue_struct> = Atomic::new(ptr::null_mut());
/// For what packets wait for.
static URGENT: Atomic<*mut bindings::workqueue_struct> = Atomic::new(ptr::null_mut());

/// The queues exist while this does. Dropping it waits for everything that was enqueued.
pub(crate) struct Registration([Queue; 2]);

impl Registration {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self([
            Queue::new(&QUEUE, c"carp", 0, THREADS)?,
            Queue::new(
                &URGENT,
                c"carp_urgent",
                bindings::wq_flags_WQ_HIGHPRI,
                URGENT_THREADS,
            )?,
        ]))
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // What runs on one may enqueue more on the other, and finds it until all of it is done.
        for queue in &self.0 {
            queue.drain();
        }
    }
}

/// # Invariants
///
/// `place` holds the valid queue that [`Queue::new`] made.
struct Queue {
    place: &'static Atomic<*mut bindings::workqueue_struct>,
}

impl Queue {
    fn new(
        place: &'static Atomic<*mut bindings::workqueue_struct>,
        name: &'static CStr,
        flags: bindings::wq_flags,
        threads: c_int,
    ) -> Result<Self> {
        // SAFETY: The format is a valid string that names exactly the one argument after it.
        let queue = unsafe {
            bindings::alloc_workqueue_noprof(
                c"%s".as_char_ptr(),
                bindings::wq_flags_WQ_UNBOUND | bindings::wq_flags_WQ_MEM_RECLAIM | flags,
                threads,
                name.as_char_ptr(),
            )
        };
        let queue = NonNull::new(queue).ok_or(ENOMEM)?;
        place.store(queue.as_ptr(), Release);
        // INVARIANT: Stored above.
        Ok(Self { place })
    }

    fn drain(&self) {
        // SAFETY: By the type's invariant the queue is valid.
        unsafe { bindings::drain_workqueue(self.place.load(Acquire)) };
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        let queue = self.place.xchg(ptr::null_mut(), Full);
        // SAFETY: By the type's invariant the queue is valid; nobody finds it any more.
        unsafe { bindings::destroy_workqueue(queue) }
    }
}

/// Waits until `work.run()` has returned that was asked for before. Context: process, without any
/// lock that it takes; not on the same queue.
pub(crate) fn flush<T>(work: &Arc<T>)
where
    T: workqueue::HasWork<T, 0>,
{
    // SAFETY: The work item is a field of `T`, which the reference keeps.
    let item = unsafe { T::raw_get_work(Arc::as_ptr(work).cast_mut()) };
    // SAFETY: As above.
    unsafe { bindings::flush_work(workqueue::Work::raw_get(item)) };
}

/// What lacked memory is tried again after this. Context: process; sleeps.
pub(crate) fn wait_for_memory() {
    fsleep(Delta::from_millis(20));
}

/// Has `work.run()` called soon, once however often it is asked for before it starts.
pub(crate) fn enqueue<T>(work: Arc<T>)
where
    T: workqueue::HasWork<T, 0> + workqueue::WorkItem<0, Pointer = Arc<T>> + Send + Sync + 'static,
{
    enqueue_on(&QUEUE, work);
}

/// The same, before what others have to do. For work items that are never enqueued otherwise.
pub(crate) fn enqueue_urgent<T>(work: Arc<T>)
where
    T: workqueue::HasWork<T, 0> + workqueue::WorkItem<0, Pointer = Arc<T>> + Send + Sync + 'static,
{
    enqueue_on(&URGENT, work);
}

fn enqueue_on<T>(place: &Atomic<*mut bindings::workqueue_struct>, work: Arc<T>)
where
    T: workqueue::HasWork<T, 0> + workqueue::WorkItem<0, Pointer = Arc<T>> + Send + Sync + 'static,
{
    let Some(queue) = NonNull::new(place.load(Acquire)) else {
        return;
    };
    // SAFETY: The queue is valid while the registration lives, which outlives every caller: the
    // module drops it last.
    let queue = unsafe { workqueue::Queue::from_raw(queue.as_ptr()) };
    // Already queued means that it will run; nothing more is asked for.
    let _ = queue.enqueue::<Arc<T>, 0>(work);
}
