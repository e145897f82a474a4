// SPDX-License-Identifier: GPL-2.0
//! A timer that fires in softirq context at an absolute time of the monotonic clock.
//!
//! The kernel crate's `HrTimer` takes an `Arc` of the owner when it is armed, and returns a handle
//! that somebody else has to keep. Here the owner arms its timer itself, from a reference.
//!
//! The function of a timer is called with a reference to the timer's owner. So the timer must be at
//! rest before the first field of the owner is dropped, in whichever order the fields are.
//! [`impl_has_timer!`] makes the owner's destructor, which stops the timer. An owner without it, or
//! with a destructor of its own, does not compile.
//!
//! ```text
//!   arm() ──> armed ──> expired() ──> at rest ──> the owner's fields are dropped
//!     ^                     |            ^
//!     +---------------------+            +── the owner's destructor, which waits for expired()
//! ```

use core::marker::{PhantomData, PhantomPinned};
use kernel::{bindings, prelude::*, types::Opaque};

/// A timer inside its owner, which is used through [`HasTimer`] only.
///
/// # Invariants
///
/// `timer` is initialised and its function is `fire::<T>`. It is armed only while its owner lives.
#[pin_data]
pub(crate) struct Timer<T: HasTimer> {
    #[pin]
    timer: Opaque<bindings::hrtimer>,
    #[pin]
    _pin: PhantomPinned,
    _owner: PhantomData<fn(&T)>,
}

// SAFETY: The hrtimer functions may be called from any context at once.
unsafe impl<T: HasTimer> Sync for Timer<T> {}
// SAFETY: As above.
unsafe impl<T: HasTimer> Send for Timer<T> {}

impl<T: HasTimer> Timer<T> {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            timer <- Opaque::ffi_init(|timer| {
                // SAFETY: `timer` is valid for writing and stays where it is.
                unsafe {
                    bindings::hrtimer_setup(
                        timer,
                        Some(fire::<T>),
                        bindings::CLOCK_MONOTONIC as bindings::clockid_t,
                        bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT,
                    )
                }
            }),
            _pin: PhantomPinned,
            _owner: PhantomData,
        })
    }
}

/// A type with a [`Timer`] in it. Implemented by [`impl_has_timer!`] only.
///
/// # Safety
///
/// * `timer_of()` and `owner_of()` are each other's inverse, for one field of `Self`.
/// * Dropping a `Self` calls `stop_timer()` before it drops the first field.
pub(crate) unsafe trait HasTimer: Send + Sync + Sized {
    fn timer_of(&self) -> &Timer<Self>;

    /// # Safety
    ///
    /// `timer` is that field of a living `Self`.
    unsafe fn owner_of<'a>(timer: *const Timer<Self>) -> &'a Self;

    /// The timer has fired. Context: softirq. May arm it again.
    fn expired(&self);

    /// Fires at `deadline_ns`, which replaces any deadline that was set before. Any context.
    fn arm(&self, deadline_ns: u64) {
        let deadline = i64::try_from(deadline_ns).unwrap_or(i64::MAX);
        // SAFETY: The timer is initialised by its type's invariant.
        unsafe {
            bindings::hrtimer_start_range_ns(
                self.timer_of().timer.get(),
                deadline,
                0,
                bindings::hrtimer_mode_HRTIMER_MODE_ABS_SOFT,
            )
        }
    }

    /// Stops the timer, unless its function runs just now. Any context.
    fn disarm(&self) {
        // SAFETY: The timer is initialised by its type's invariant.
        unsafe { bindings::hrtimer_try_to_cancel(self.timer_of().timer.get()) };
    }

    /// Stops the timer and waits until its function has returned. Context: process, without any
    /// lock that `expired()` takes.
    fn stop_timer(&self) {
        // SAFETY: The timer is initialised by its type's invariant.
        unsafe { bindings::hrtimer_cancel(self.timer_of().timer.get()) };
    }
}

/// Says which field of a type is its timer, and what to call when it fires. The type is marked
/// `#[pin_data(PinnedDrop)]`, and has no other destructor.
macro_rules! impl_has_timer {
    ($owner:ty, $field:ident, $expired:expr) => {
        // SAFETY: Both functions are about `$field`. The destructor below runs before those of the
        // fields; pin-init refuses a type that has it and is not marked with it.
        unsafe impl $crate::sys::timer::HasTimer for $owner {
            fn timer_of(&self) -> &$crate::sys::timer::Timer<Self> {
                &self.$field
            }

            unsafe fn owner_of<'a>(timer: *const $crate::sys::timer::Timer<Self>) -> &'a Self {
                // SAFETY: By this function's contract.
                unsafe { &*::kernel::container_of!(timer, Self, $field) }
            }

            fn expired(&self) {
                $expired(self)
            }
        }

        #[::kernel::prelude::pinned_drop]
        impl PinnedDrop for $owner {
            fn drop(self: ::core::pin::Pin<&mut Self>) {
                $crate::sys::timer::HasTimer::stop_timer(&*self);
            }
        }
    };
}
pub(crate) use impl_has_timer;

/// # Safety
///
/// Called by the timer core, as the function of a `Timer<T>`, only.
unsafe extern "C" fn fire<T: HasTimer>(timer: *mut bindings::hrtimer) -> bindings::hrtimer_restart {
    // SAFETY: By the invariant of `Timer` this is the field `timer` of one.
    let timer = unsafe { kernel::container_of!(Opaque::cast_from(timer), Timer<T>, timer) };
    // SAFETY: Timers are armed through `HasTimer` only, so this one is the field of a `T`. By the
    // contract of `HasTimer` dropping the `T` waits for this function first, so all of it is alive.
    unsafe { T::owner_of(timer) }.expired();
    bindings::hrtimer_restart::HRTIMER_NORESTART
}
