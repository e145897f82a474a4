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

use core::cmp::Ordering;

use super::demotion::Priority;
use super::state::Reason;
use super::wire::{Advert, Source};

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
    /// or long ago. `interval_ns`: that of both.
    pub fn heard(before: Option<Self>, now_ns: u64, with: Source, interval_ns: u64) -> Self {
        let patience_ns = interval_ns.saturating_mul(u64::from(INSIST));
        let in_a_row = before.filter(|before| {
            before.with == with && now_ns.saturating_sub(before.heard_ns) <= patience_ns
        });
        Self {
            with,
            adverts: in_a_row.map_or(1, |before| before.adverts.saturating_add(1)),
            heard_ns: now_ns,
        }
    }

    /// Whether a MASTER with source `own` yields, whose last advert carried `sent`, to this one
    /// that carried `heard`.
    pub fn yields(&self, own: Source, sent: u64, heard: u64) -> bool {
        // Without addresses of their own to compare, two nodes still have counters.
        let stays = own.cmp(&self.with).then(sent.cmp(&heard)).is_gt();
        !stays || self.adverts >= INSIST
    }
}
