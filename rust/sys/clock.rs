// SPDX-License-Identifier: GPL-2.0
//! Time and randomness. Any context.

use kernel::bindings;

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
