// SPDX-License-Identifier: GPL-2.0
//! Which node is to be MASTER: how a node judges the advert of another.
//!
//! The lower demotion count is better; then the shorter interval, both with the demotion of this
//! node in them. A BACKUP takes over only if it is better by this order, so it never has to yield
//! to the next advert.
//!
//! If both are equal, two masters compare the sources of their adverts, and the higher one stays.
//! Other systems have other rules there: the BSDs always yield, ucarp yields if it has the *higher*
//! address. Hence two limits, which peers with this rule never reach. A MASTER insists only for
//! `INSIST` adverts of an equal one. And a MASTER that yields to an equal one waits an interval
//! longer, in case the other has yielded too.
//!
//! Nodes that advertise in both address families would be ordered twice, and perhaps the other way
//! round. So IPv4 decides there, as long as the other's adverts over IPv4 are heard. Over IPv6
//! alone it takes a second advert. If only one family of one of them is heard, they may still
//! decide by different families. If both stay, it is for at most one advert more than `INSIST`. If
//! both yield, they wait for different times, which depend on their counters.

use core::cmp::Ordering;

use super::super::state::Reason;
use super::advert::{Advert, Source, Sources};
use super::counter::mix;
use super::priority::Priority;

/// A MASTER yields to an equal one with this advert of it in a row. A peer with our rule is silent
/// after the first advert that it hears. If two of its own are heard, it may have missed one.
const INSIST: u8 = 3;

/// Why a BACKUP becomes MASTER when it hears `advert`; `None`: it stays BACKUP.
pub fn takes_over(own: &Priority, preempt: bool, advert: &Advert) -> Option<Reason> {
    let peer = Priority::announced(advert);
    if advert.is_leaving() {
        return Some(Reason::MasterLeaving);
    }
    match peer.demote.cmp(&own.demote) {
        Ordering::Greater => Some(Reason::PeerDemoted),
        // However rarely it advertises: it would be better again with its next advert.
        Ordering::Less => None,
        Ordering::Equal if preempt && own.interval_ns() < peer.interval_ns() => {
            Some(Reason::Preempt)
        }
        // As the BSDs do; with advbase 0 an ordinary advskew of the peer would suffice, and this
        // would be preempt for everybody.
        Ordering::Equal if own.advbase != 0 && own.master_down_ns(0) < peer.interval_ns() => {
            Some(Reason::MasterLeaving)
        }
        Ordering::Equal => None,
    }
}

/// Whether a MASTER yields to the sender of `advert`: `Greater`: yes; `Less`: no; `Equal`: a
/// [`Tie`] decides.
pub fn compare(own: &Priority, advert: &Advert) -> Ordering {
    if advert.is_leaving() {
        // No better master, whatever its demotion.
        Ordering::Less
    } else {
        own.rank().cmp(&Priority::announced(advert).rank())
    }
}

/// An equal master that a MASTER has heard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tie {
    with: Source,
    /// How many of its adverts were heard in a row.
    adverts: u8,
    heard_ns: u64,
}

impl Tie {
    /// Counts one more advert of an equal master. It is the first one if `before` was another
    /// master, or was long ago. `interval_ns`: the interval of its adverts. `None`: IPv4 decides,
    /// and this one does not count.
    pub fn heard(
        before: Option<Self>,
        now_ns: u64,
        with: Source,
        interval_ns: u64,
    ) -> Option<Self> {
        let patience_ns = interval_ns.saturating_mul(u64::from(INSIST));
        let recent = before.filter(|before| now_ns.saturating_sub(before.heard_ns) <= patience_ns);
        if let (Source::V6(_), Some(Source::V4(_))) = (with, recent.map(|recent| recent.with)) {
            return None;
        }
        let in_a_row = recent.filter(|recent| recent.with == with);
        Some(Self {
            with,
            adverts: in_a_row.map_or(1, |before| before.adverts.saturating_add(1)),
            heard_ns: now_ns,
        })
    }

    /// Whether a MASTER that sends from `own`, and whose last advert carried `sent`, yields to this
    /// one that carried `heard`.
    pub fn yields(&self, own: &Sources, sent: u64, heard: u64) -> bool {
        if self.adverts <= self.ignored(own) {
            return false;
        }
        // Without addresses of their own to compare, two nodes still have counters.
        let order = own.like(self.with).cmp(&self.with);
        !order.then(sent.cmp(&heard)).is_gt() || self.is_beyond_insisting(own)
    }

    /// How much longer a MASTER that yields to an equal one waits than for a better one.
    pub fn extra_ns(&self, own: &Sources, sent: u64, interval_ns: u64) -> u64 {
        let both_may_yield = self.ignored(own) > 0 || self.is_beyond_insisting(own);
        let quarters = if both_may_yield {
            // It is not the same on two hosts each time, however long their counters keep their
            // distance.
            (mix(sent) >> 62).saturating_add(5)
        } else {
            4
        };
        interval_ns.saturating_mul(quarters) / 4
    }

    /// How many adverts over IPv6 do not count, since there should be some over IPv4.
    fn ignored(&self, own: &Sources) -> u8 {
        u8::from(matches!(self.with, Source::V6(_)) && own.v4.is_some())
    }

    fn is_beyond_insisting(&self, own: &Sources) -> bool {
        self.adverts >= INSIST.saturating_add(self.ignored(own))
    }
}
