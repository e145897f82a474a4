// SPDX-License-Identifier: GPL-2.0
//! Time and randomness. Any context.
//!
//! The kernel crate's `Instant` hides its nanoseconds, and the machine counts in them. The crate
//! has no random numbers.

use kernel::{
    bindings,
    sync::atomic::{Atomic, Relaxed},
};

/// Nanoseconds of the monotonic clock, the one that timers run on.
pub(crate) fn now_ns() -> u64 {
    // SAFETY: Always safe to call.
    let ns = unsafe { bindings::ktime_get() };
    u64::try_from(ns).unwrap_or(0)
}

/// Milliseconds since the epoch, for people to read.
pub(crate) fn wall_clock_ms() -> u64 {
    // SAFETY: Always safe to call.
    let ns = unsafe { bindings::ktime_get_real() };
    u64::try_from(ns / 1_000_000).unwrap_or(0)
}

/// 32 random bits.
pub(crate) fn random_u32() -> u32 {
    // SAFETY: Always safe to call.
    unsafe { bindings::get_random_u32() }
}

/// A rate limit: due at most once in a period.
pub(crate) struct RateLimit {
    period_ns: u64,
    next_ns: Atomic<u64>,
}

impl RateLimit {
    /// Due at once.
    pub(crate) const fn new(period_ns: u64) -> Self {
        Self {
            period_ns,
            next_ns: Atomic::new(0),
        }
    }

    /// True for one caller in a period.
    pub(crate) fn is_due(&self) -> bool {
        let now_ns = now_ns();
        let due_ns = self.next_ns.load(Relaxed);
        let next_ns = now_ns.saturating_add(self.period_ns);
        now_ns >= due_ns && self.next_ns.cmpxchg(due_ns, next_ns, Relaxed).is_ok()
    }
}
