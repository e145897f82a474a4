// SPDX-License-Identifier: GPL-2.0
//! How good a master a node is, with the causes of [demotion](super::super::demotion) that hold
//! now.
//!
//! Demotion raises the advskew to at most 240, and leaves a configured one above that alone.

use super::super::config::{Config, DEMOTION_MAX};
use super::super::demotion::Causes;
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
    /// The priority of this node, while it is demoted for `causes`.
    pub fn own(config: &Config, causes: Causes) -> Self {
        let demotion = causes.weight(config.demotion);
        let advskew = config
            .advskew
            .saturating_add(demotion.skew)
            .min(DEMOTION_MAX)
            .max(config.advskew);
        Self {
            demote: demotion.count,
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
