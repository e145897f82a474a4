// SPDX-License-Identifier: GPL-2.0
//! The formulas for the two intervals, in nanoseconds.
//!
//! Each BSD has its own formula for the master-down time. The one here is never shorter than three
//! intervals, of this node or of its master. Both intervals are below 2^40 ns, far from the end of
//! a `u64`.

const SECOND_NS: u64 = 1_000_000_000;
/// 1/256 s, the unit of advskew; 256 of it are exactly a second.
const SKEW_NS: u64 = SECOND_NS / 256;
/// How many adverts of its master a BACKUP misses before it takes over.
const MISSED: u64 = 3;

/// The time between two adverts: `advbase` s + `advskew`/256 s, and 1/256 s if both are 0.
pub fn interval_ns(advbase: u8, advskew: u8) -> u64 {
    u64::from(advbase)
        .saturating_mul(SECOND_NS)
        .saturating_add(skew_ns(advskew))
        .max(SKEW_NS)
}

/// The master-down time: the silence after which a BACKUP takes over. It is 3 times the longer one
/// of the own interval and the master's (0 if none is known), plus the own advskew. So the better
/// one of two backups is first.
pub fn master_down_ns(own_ns: u64, masters_ns: u64, advskew: u8) -> u64 {
    own_ns
        .max(masters_ns)
        .saturating_mul(MISSED)
        .saturating_add(skew_ns(advskew))
}

fn skew_ns(advskew: u8) -> u64 {
    u64::from(advskew).saturating_mul(SKEW_NS)
}
