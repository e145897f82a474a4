// SPDX-License-Identifier: GPL-2.0
//! How often a master is heard, if that is less often than it announces.
//!
//! OpenBSD's timers tick a hundred times a second, so a master that announces 1/256 s is heard each
//! 20 ms. A BACKUP that waits for three of the announced intervals would take over between two
//! adverts, again and again. Hence the interval that is observed counts: the shortest of the last
//! few, since each advert that is lost makes one of them longer.

use super::advert::Source;

/// How many intervals are remembered. A take-over is slower only if adverts were lost in all of
/// them.
const REMEMBERED: usize = 5;
/// How many have to be known.
const KNOWN: usize = 2;
/// A silence of this many announced intervals is no interval: the peer was not MASTER meanwhile.
const SILENCE: u64 = 8;

/// The adverts from one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pace {
    from: Source,
    heard_ns: u64,
    /// The intervals between the last adverts, the newest first.
    intervals_ns: [Option<u64>; REMEMBERED],
}

impl Pace {
    /// Counts one more advert. It is the first one if `before` is of another master, or of long
    /// ago. Of a master that advertises in both families, the adverts over IPv4 count.
    pub fn heard(before: Option<Self>, now_ns: u64, from: Source, announced_ns: u64) -> Self {
        let since = |pace: &Self| now_ns.saturating_sub(pace.heard_ns);
        let longest_ns = announced_ns.saturating_mul(SILENCE);
        let intervals_ns = match before.filter(|before| since(before) <= longest_ns) {
            Some(before) if before.from == from => {
                let [first, second, third, fourth, _] = before.intervals_ns;
                [Some(since(&before)), first, second, third, fourth]
            }
            Some(before) if matches!((before.from, from), (Source::V4(_), Source::V6(_))) => {
                return before;
            }
            Some(_) | None => [None; REMEMBERED],
        };
        Self {
            from,
            heard_ns: now_ns,
            intervals_ns,
        }
    }

    /// The interval of a master that announces `announced_ns`.
    pub fn interval_ns(&self, announced_ns: u64) -> u64 {
        let observed = self.intervals_ns.iter().flatten();
        match observed.clone().min() {
            Some(shortest_ns) if observed.count() >= KNOWN => announced_ns.max(*shortest_ns),
            _ => announced_ns,
        }
    }
}
