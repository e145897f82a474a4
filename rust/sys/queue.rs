// SPDX-License-Identifier: GPL-2.0
//! The module's own workqueues: what must sleep and has no process of its own runs here.
//!
//! Each has few threads, whatever the number of devices: most of what runs takes RTNL, and so waits
//! for the others anyway. Urgent work waits for RTNL or memory at most. Other work may also wait
//! for grace periods, and for urgent work.
//!
//! Work items are those of the kernel crate. Its queues are the system's: it makes no others, and a
//! module that is unloaded cannot wait for what runs on them.

use core::ptr::{self, NonNull};
use kernel::{
    bindings, container_of,
    ffi::c_int,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed, Release},
        Arc,
    },
    time::{delay::fsleep, msecs_to_jiffies, Delta},
    workqueue::{self, HasDelayedWork, WorkItem},
};

/// A work item, which is a field of its owner. An owner has one.
pub(crate) use workqueue::DelayedWork as Work;

/// The owner of a [`Work`]. Implemented together with [`impl_work!`].
pub(crate) trait Job:
    HasDelayedWork<Self> + WorkItem<Pointer = Arc<Self>> + Send + Sync + Sized + 'static
{
    /// Context: process; sleeps. Not twice at the same time.
    fn run(this: Arc<Self>);
}

/// Says which field of a type is its [`Work`].
macro_rules! impl_work {
    ($owner:ty, $field:ident) => {
        ::kernel::impl_has_delayed_work! {
            impl HasDelayedWork<Self> for $owner { self.$field }
        }

        impl ::kernel::workqueue::WorkItem for $owner {
            type Pointer = ::kernel::sync::Arc<Self>;

            fn run(this: ::kernel::sync::Arc<Self>) {
                // SAFETY: The workqueue calls this, once for each time that it is enqueued.
                unsafe { $crate::sys::queue::run(this) };
            }
        }
    };
}
pub(crate) use impl_work;

/// Makes a [`Work`], which lockdep calls by this name.
macro_rules! work {
    ($name:literal) => {
        ::kernel::new_delayed_work!($name)
    };
}
pub(crate) use work;

/// Work that ran out of memory is tried again after this.
const RETRY_MS: u32 = 20;

/// Work items that have been enqueued and are not done.
static UNDONE: Atomic<usize> = Atomic::new(0);

/// Threads that wait at the same time share a grace period.
const THREADS: c_int = 32;
const URGENT_THREADS: c_int = 4;

/// For work that may take its time.
static QUEUE: Atomic<*mut bindings::workqueue_struct> = Atomic::new(ptr::null_mut());
/// For work that packets wait for.
static URGENT: Atomic<*mut bindings::workqueue_struct> = Atomic::new(ptr::null_mut());

/// The queues exist while this does. Dropping it waits for everything that was enqueued.
pub(crate) struct Registration {
    _queues: [Queue; 2],
}

impl Registration {
    pub(crate) fn new() -> Result<Self> {
        let _queues = [
            Queue::new(&QUEUE, c"carp", 0, THREADS)?,
            Queue::new(
                &URGENT,
                c"carp_urgent",
                bindings::wq_flags_WQ_HIGHPRI,
                URGENT_THREADS,
            )?,
        ];
        Ok(Self { _queues })
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        // Work that is to be tried again is on no queue meanwhile, and a queue that is being
        // destroyed would refuse it. Work on one queue may also enqueue more on the other.
        while UNDONE.load(Acquire) > 0 {
            fsleep(Delta::from_millis(i64::from(RETRY_MS)));
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
}

impl Drop for Queue {
    fn drop(&mut self) {
        let queue = self.place.xchg(ptr::null_mut(), Full);
        // SAFETY: By the type's invariant the queue is valid; nobody finds it any more.
        unsafe { bindings::destroy_workqueue(queue) }
    }
}

/// Waits until each `run()` that was requested before has returned. Work that is to be tried again
/// is tried now. Context: process, without any lock that `run()` takes; not on the same queue.
pub(crate) fn flush<T: Job>(work: &Arc<T>) {
    // SAFETY: The work item is a field of `T`, which the reference keeps.
    let item = unsafe { T::raw_get_work(Arc::as_ptr(work).cast_mut()) };
    // SAFETY: As above.
    let item = unsafe { workqueue::Work::raw_get(item) };
    // SAFETY: By the contract of `HasDelayedWork`.
    let item = unsafe { container_of!(item, bindings::delayed_work, work) };
    // SAFETY: As above; the reference keeps it.
    unsafe { bindings::flush_delayed_work(item) };
}

/// Has `work.run()` called soon. Any number of requests before it starts are one.
pub(crate) fn enqueue<T: Job>(work: Arc<T>) {
    enqueue_on(&QUEUE, work, Delay::None);
}

/// As [`enqueue`], on the urgent queue. For work items that are never enqueued on the other one.
pub(crate) fn enqueue_urgent<T: Job>(work: Arc<T>) {
    enqueue_on(&URGENT, work, Delay::None);
}

/// Has `work.run()` called when there may be memory again.
pub(crate) fn retry<T: Job>(work: Arc<T>) {
    enqueue_on(&QUEUE, work, Delay::Retry);
}

/// As [`retry`], on the urgent queue.
pub(crate) fn retry_urgent<T: Job>(work: Arc<T>) {
    enqueue_on(&URGENT, work, Delay::Retry);
}

enum Delay {
    None,
    Retry,
}

fn enqueue_on<T: Job>(place: &Atomic<*mut bindings::workqueue_struct>, work: Arc<T>, delay: Delay) {
    let Some(queue) = NonNull::new(place.load(Acquire)) else {
        return;
    };
    // SAFETY: The queue is valid while the registration lives, which outlives every caller: the
    // module drops it last.
    let queue = unsafe { workqueue::Queue::from_raw(queue.as_ptr()) };
    UNDONE.fetch_add(1, Relaxed);
    let enqueued = match delay {
        Delay::None => queue.enqueue::<Arc<T>, 0>(work),
        Delay::Retry => queue.enqueue_delayed::<Arc<T>, 0>(work, msecs_to_jiffies(RETRY_MS)),
    };
    // It is enqueued already, and will run.
    if enqueued.is_err() {
        UNDONE.fetch_sub(1, Release);
    }
}

/// Runs what has been enqueued. For [`impl_work!`].
///
/// # Safety
///
/// Called once for each time that something is enqueued here: the queues exist until as many have
/// been run.
pub(crate) unsafe fn run<T: Job>(work: Arc<T>) {
    <T as Job>::run(work);
    // ORDERING: Release: whoever finds nothing left to do finds all of it done.
    UNDONE.fetch_sub(1, Release);
}
