// SPDX-License-Identifier: GPL-2.0
//! The counters of the adverts sent and accepted.
//!
//! A counter is in every advert and is covered by its digest, but no two implementations agree on
//! it: OpenBSD's stays the same for ever, FreeBSD's is a new random number each time until a peer
//! is heard. So by default nothing is asked of a peer's counter, and the own one only serves to
//! know an advert of this node that a switch or a hypervisor sent back.
//!
//! In strict mode, for peers that all run this implementation, the counters of a vhid are one
//! Lamport clock: each advert exceeds all that its sender has sent or accepted before, and one
//! that does not exceed them at the receiver is old.

/// As many of the last own adverts are known again.
const REMEMBERED: usize = 8;

/// The counters of one virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counter {
    last: u64,
    /// The last ones sent, the newest first.
    sent: [Option<u64>; REMEMBERED],
    /// Strict mode: the highest that was accepted from anybody.
    highest: Option<u64>,
}

impl Counter {
    /// The first advert carries `start` + 1.
    pub const fn new(start: u64) -> Self {
        Self {
            last: start,
            sent: [None; REMEMBERED],
            highest: None,
        }
    }

    /// Takes the counter for the next advert.
    pub fn advance(&mut self) -> u64 {
        self.last = self.last.max(self.highest.unwrap_or(0)).wrapping_add(1);
        let [first, second, third, fourth, fifth, sixth, seventh, _] = self.sent;
        self.sent = [
            Some(self.last),
            first,
            second,
            third,
            fourth,
            fifth,
            sixth,
            seventh,
        ];
        self.last
    }

    /// The counter of the last advert sent.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Whether one of the last adverts sent carried `counter`.
    pub fn is_own(&self, counter: u64) -> bool {
        self.sent.contains(&Some(counter))
    }

    /// Strict mode: accepts `counter` if it exceeds all that was accepted before and is no more than
    /// one below the last one sent. Two masters may send at the same moment, each of them in both
    /// address families, so it may equal the last two; of the own source, [`Self::is_own`] has found
    /// it already.
    pub fn accept(&mut self, counter: u64) -> bool {
        let [last_sent, ..] = self.sent;
        let newer = self.highest.is_none_or(|highest| counter > highest)
            && last_sent.is_none_or(|sent| counter.saturating_add(1) >= sent);
        if newer {
            self.highest = Some(counter);
        }
        newer
    }

    /// Forgets what was accepted, since strict mode begins or ends here.
    pub fn forget_accepted(&mut self) {
        self.highest = None;
    }
}
