// SPDX-License-Identifier: GPL-2.0
//! Who is to be MASTER: what a node makes of another's advert.
//!
//! The lower demotion count is better; then the shorter interval, both with the demotion of this
//! node in them. A BACKUP takes over only where it is the better one by this order, so it never
//! has to give back with the next advert what it took.
//!
//! If both are equal, two masters compare the sources of their adverts, and the higher one stays.
//! Each of the others has another rule there: the BSDs yield always, ucarp yields if it has the
//! *higher* address. Hence two limits that peers with this rule never meet: a MASTER insists only
//! for so many adverts of an equal one (`INSIST`); and one that yields to an equal one gives it an
//! interval more to speak, should it have yielded too.
//!
//! Nodes that advertise in both address families would be ordered twice, and perhaps the other way
//! round. So there IPv4 decides, as long as the other's adverts over IPv4 are heard; over IPv6
//! alone it takes a second advert. If of one of two nodes only one family is heard, they may still
//! decide by different families. If both stay, it is for at most one advert more than `INSIST`; if
//! both yield, what they wait is not the same, since it depends on their counters.

use core::cmp::Ordering;

use super::super::state::Reason;
use super::advert::{Advert, Source, Sources};
use super::counter::mix;
use super::priority::Priority;

/// A MASTER yields to an equal one with this advert that it hears from it in a row. A peer with
/// our rule falls silent after the first advert it hears; with two of its own it may have missed
/// one.
const INSIST: u8 = 3;

/// Why a BACKUP becomes MASTER on hearing `advert`; `None`: it goes on listening.
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

/// Whether a MASTER yields to the sender of `advert`: `Greater`: yes; `Less`: no; `Equal`: that
/// takes a [`Tie`].
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
    /// As many of its adverts were heard in a row.
    adverts: u8,
    heard_ns: u64,
}

impl Tie {
    /// One more advert of an equal master: goes on counting `before`, unless that was another one
    /// or long ago. `interval_ns`: that of its adverts. `None`: IPv4 decides, so nothing is decided
    /// here.
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

    /// What a MASTER that yields waits longer than for a better one.
    pub fn extra_ns(&self, own: &Sources, sent: u64, interval_ns: u64) -> u64 {
        let both_may_yield = self.ignored(own) > 0 || self.is_beyond_insisting(own);
        let quarters = if both_may_yield {
            // On two hosts it is not the same each time, however long the counters keep their
            // distance.
            (mix(sent) >> 62).saturating_add(5)
        } else {
            4
        };
        interval_ns.saturating_mul(quarters) / 4
    }

    /// As many adverts over IPv6 are none, where there should be some over IPv4.
    fn ignored(&self, own: &Sources) -> u8 {
        u8::from(matches!(self.with, Source::V6(_)) && own.v4.is_some())
    }

    fn is_beyond_insisting(&self, own: &Sources) -> bool {
        self.adverts >= INSIST.saturating_add(self.ignored(own))
    }
}
