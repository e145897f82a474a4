// SPDX-License-Identifier: GPL-2.0
//! Demotion: what makes this node a worse master than its settings say.
//!
//! It is derived anew, each time, from the causes that hold now. It is never a sum that is kept, so
//! it cannot stick. There are two ways to tell the peers, and both are used:
//!
//! | cause | demotion count (byte 4, OpenBSD) | advskew (everybody) |
//! |---|---|---|
//! | the administrator's demotion `d` | `d` | `+ d` |
//! | adverts cannot be sent | `+ 1` | `+ 240` |
//! | another parent of the group does not work | `+ 1` | `+ 240` |
//!
//! The figures for send errors are OpenBSD's for the count and FreeBSD's for the advskew.

use super::config::DEMOTION_MAX;

/// Why this node is demoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cause {
    /// The administrator has asked for it.
    Administrator,
    /// Its adverts cannot be sent.
    SendErrors,
    /// Another parent of the group does not work.
    Group,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Administrator, Self::SendErrors, Self::Group];

    /// Its row of the table. `administrator`: the demotion that the administrator has asked for.
    const fn weight(self, administrator: u8) -> Weight {
        let (count, skew) = match self {
            Self::Administrator => (administrator, administrator),
            Self::SendErrors => (1, DEMOTION_MAX),
            Self::Group => (1, DEMOTION_MAX),
        };
        Weight { count, skew }
    }

    /// `1 << CARP_CAUSE_…` of `uapi/if_carp.h`.
    const fn bit(self) -> u32 {
        match self {
            Self::Administrator => 1 << 0,
            Self::SendErrors => 1 << 1,
            Self::Group => 1 << 2,
        }
    }
}

/// How much worse one or more causes make a node.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Weight {
    /// Added to the demotion count.
    pub count: u8,
    /// Added to the advskew, in 1/256 s.
    pub skew: u8,
}

/// The causes that hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Causes(u32);

impl Causes {
    /// These, and `cause` if it `holds`; without it if not.
    #[must_use]
    pub const fn with(self, cause: Cause, holds: bool) -> Self {
        if holds {
            Self(self.0 | cause.bit())
        } else {
            Self(self.0 & !cause.bit())
        }
    }

    /// Whether `cause` is one of them.
    pub const fn hold(self, cause: Cause) -> bool {
        self.0 & cause.bit() != 0
    }

    /// One bit for each: `1 << CARP_CAUSE_…` of `uapi/if_carp.h`.
    pub const fn mask(self) -> u32 {
        self.0
    }

    /// The sum of their weights. `administrator`: the demotion that the administrator has asked
    /// for.
    pub fn weight(self, administrator: u8) -> Weight {
        let mut sum = Weight::default();
        for cause in Cause::ALL {
            if self.hold(cause) {
                let Weight { count, skew } = cause.weight(administrator);
                sum.count = sum.count.saturating_add(count);
                sum.skew = sum.skew.saturating_add(skew);
            }
        }
        sum
    }
}

/// How many sends have to fail in a row before they are a cause.
const SEND_ERRORS: u8 = 3;
/// How long after the last failed one they are a cause. Only a MASTER sends. So a rule that waits
/// for a send to succeed would hold down a node that they have made BACKUP.
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
