// SPDX-License-Identifier: GPL-2.0
//! How good a master a node is, with the causes of demotion that hold now.
//!
//! Demotion is derived from its causes each time it is asked for, never added up and taken back,
//! so it cannot stick. There are two ways to tell the peers, and both are used:
//!
//! | cause | demotion count (byte 4, OpenBSD) | advskew (everybody) |
//! |---|---|---|
//! | the administrator's demotion `d` | `d` | `+ d` |
//! | adverts cannot be sent | `+ 1` | `+ 240` |
//! | something of the group does not work | `+ 1` | `+ 240` |
//!
//! The advskew is raised to at most 240, and a configured one above that is left alone. The
//! figures for send errors are OpenBSD's for the count and FreeBSD's for the advskew.

use super::super::config::{Config, DEMOTION_MAX};
use super::super::timers::{interval_ns, master_down_ns};
use super::advert::Advert;

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
