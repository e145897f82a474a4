// SPDX-License-Identifier: GPL-2.0
//! Demotion: the causes that hold now, and the priority that follows from them.
//!
//! Demotion is derived from its causes each time it is asked for, never added up and taken back,
//! so it cannot stick. There are two ways to tell the peers, and both are used:
//!
//! | cause | demotion count (byte 4, OpenBSD) | advskew (everybody) |
//! |---|---|---|
//! | the administrator's demotion `d` | `d` | `+ d` |
//! | adverts cannot be sent | `+ 1` | `+ 240` |
//!
//! The advskew is raised to at most 240, and a configured one above that is left alone. The
//! figures for send errors are OpenBSD's for the count and FreeBSD's for the advskew.

use super::config::{Config, DEMOTION_MAX};
use super::timers::{interval_ns, master_down_ns};
use super::wire::Advert;

/// As many sends have to fail in a row before they count as a cause.
const SEND_ERRORS: u8 = 3;
/// For this long after the last failed one they go on to count. Only a MASTER sends, so a rule
/// that waited for sends to succeed would hold a node down that has become BACKUP through them.
pub const SEND_ERROR_HOLD_NS: u64 = 30_000_000_000;

/// Whether adverts can be sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SendErrors {
    in_a_row: u8,
    hold_until_ns: u64,
}

impl SendErrors {
    /// An advert could not be sent.
    pub fn failed(&mut self, now_ns: u64) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row >= SEND_ERRORS {
            self.hold_until_ns = now_ns.saturating_add(SEND_ERROR_HOLD_NS);
        }
    }

    /// An advert was sent.
    pub fn succeeded(&mut self) {
        self.in_a_row = 0;
    }

    /// Whether they are a cause of demotion now.
    pub const fn hold(&self, now_ns: u64) -> bool {
        now_ns < self.hold_until_ns
    }
}

/// How good a master a node is, as its adverts tell it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Priority {
    /// The demotion count; the lower one wins, before all else.
    pub demote: u8,
    /// Seconds.
    pub advbase: u8,
    /// 1/256 s, demotion included.
    pub advskew: u8,
}

impl Priority {
    /// The priority of this node, with the causes that hold now: its adverts cannot be sent; a
    /// parent that it fails over together with does not work.
    pub fn own(config: &Config, send_errors: bool, group_down: bool) -> Self {
        let count = u8::from(send_errors).saturating_add(u8::from(group_down));
        let skew = if count > 0 { DEMOTION_MAX } else { 0 };
        let advskew = config
            .advskew
            .saturating_add(config.demotion)
            .saturating_add(skew)
            .min(DEMOTION_MAX)
            .max(config.advskew);
        Self {
            demote: config.demotion.saturating_add(count),
            advbase: config.advbase,
            advskew,
        }
    }

    /// The priority of the sender of `advert`.
    pub const fn announced(advert: &Advert) -> Self {
        Self {
            demote: advert.demote,
            advbase: advert.advbase,
            advskew: advert.advskew,
        }
    }

    /// The time between its adverts.
    pub fn interval_ns(&self) -> u64 {
        interval_ns(self.advbase, self.advskew)
    }

    /// The silence after which it takes the place of a master whose adverts have this interval (0
    /// if none is known).
    pub fn master_down_ns(&self, masters_ns: u64) -> u64 {
        master_down_ns(self.interval_ns(), masters_ns, self.advskew)
    }

    /// What two nodes compare: the lower one is the better master.
    pub fn rank(&self) -> (u8, u64) {
        (self.demote, self.interval_ns())
    }
}
