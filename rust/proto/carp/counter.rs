// SPDX-License-Identifier: GPL-2.0
//! The counters of the adverts sent and accepted.
//!
//! A counter is in every advert and is covered by its digest, but no two implementations agree on
//! it. OpenBSD's stays the same for ever. FreeBSD, NetBSD, DragonFly and ucarp send random ones
//! until they hear a peer, and then count on by one from the counter that they heard last. Here it
//! is:
//!
//! ```text
//!  63                                  20 19                    0
//! +--------------------------------------+-----------------------+
//! |  time of sending, in 1/4096 s        |  name of the sender   |
//! +--------------------------------------+-----------------------+
//! ```
//!
//! The time always grows, whatever the clock does. It exceeds that of the adverts sent, and that of
//! the adverts heard from this implementation. It also exceeds what was sent before a restart,
//! since nobody sends 4096 adverts a second. The name is random. Three rules follow, each stricter
//! than the one before it:
//!
//! - An advert with the own name is an own one, if its counter is between the first and the last
//!   that were sent. It does not matter who sends it again, how late, or from which address.
//! - An advert with the name of a peer is an old one, if its counter does not exceed that peer's.
//!   That holds for peers of this implementation only, see [`peers`](super::peers).
//! - In strict mode all peers are of this implementation, and their clocks agree to ten seconds.
//!   Then each advert exceeds all that its sender has sent or accepted before. So an advert is old
//!   if it does not exceed all that this node has accepted. If that is nothing, it is compared with
//!   the clock. It must not be much older than the last one that this node sent, either. It may be
//!   a little older, since adverts of two masters cross.
//!
//! Nothing else is required of a counter: adverts of the other systems would be refused.

use super::peers::Peers;

/// The lower bits, which are the name.
const NAME: u64 = 0xf_ffff;
/// The time's lowest bit.
const STEP: u64 = 1 << 20;
/// How far a peer's clock may be behind in strict mode: ten seconds.
const BEHIND: u64 = 10 << 32;
/// How much older an advert may be that crosses an own one: a quarter of a second. An attacker can
/// hold one back for an interval in any case.
const CROSSING: u64 = 1 << 30;

/// The name of the sender of an advert, if it is of this implementation.
pub(super) const fn name(counter: u64) -> u64 {
    counter & NAME
}

/// The lower bits of the time. They repeat after 16 seconds.
pub(super) const fn ordinal(counter: u64) -> u16 {
    let [.., high, low] = (counter / STEP).to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// A number in which each bit depends on all bits of `value` (the finalizer of splitmix64).
pub(super) const fn mix(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// The counters of one virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counter {
    name: u64,
    /// The first one sent with this name.
    first: Option<u64>,
    last: u64,
    /// The time, as a counter.
    clock: u64,
    /// Strict mode: the highest that was accepted from anybody.
    accepted: Option<u64>,
    peers: Peers,
}

impl Counter {
    /// All adverts exceed `start`, whose lower bits are their name.
    pub const fn new(start: u64) -> Self {
        Self {
            name: name(start),
            first: None,
            last: start,
            clock: 0,
            accepted: None,
            peers: Peers::new(),
        }
    }

    /// The wall clock, in milliseconds since the epoch.
    pub fn set_clock(&mut self, wall_ms: u64) {
        let fraction = (wall_ms % 1000) << 32;
        self.clock = ((wall_ms / 1000) << 32) | (fraction / 1000);
    }

    /// Takes the counter for the next advert.
    pub fn advance(&mut self) -> u64 {
        let heard = self.accepted.unwrap_or(0).max(self.peers.highest());
        // Two steps above a peer's, which grows by single steps. So if the adverts of two masters
        // cross each time, neither is behind for ever.
        let before = if heard > self.last {
            heard.wrapping_add(STEP)
        } else {
            self.last
        };
        let time = before.wrapping_add(STEP).max(self.clock) & !NAME;
        self.last = time | self.name;
        self.first = self.first.or(Some(self.last));
        self.last
    }

    /// The counter of the last advert sent.
    pub const fn last(&self) -> u64 {
        self.last
    }

    /// Whether an advert of this node carried `counter`.
    pub fn is_own(&self, counter: u64) -> bool {
        self.first.is_some_and(|first| {
            name(counter) == self.name
                && counter.wrapping_sub(first) <= self.last.wrapping_sub(first)
        })
    }

    /// Accepts the advert of a peer with `counter`, unless it is known to be old.
    pub fn accept(&mut self, counter: u64, strict: bool) -> bool {
        if self.peers.have_sent(counter) {
            return false;
        }
        if strict {
            let heard = self.accepted.or(self.clock.checked_sub(BEHIND));
            let sent = self.first.and(self.last.checked_sub(CROSSING));
            if heard.max(sent).is_some_and(|newest| counter <= newest) {
                return false;
            }
            self.accepted = Some(counter);
        }
        self.peers.heard(counter);
        if self.is_kin(counter) && name(counter) == self.name && counter > self.last {
            // The peer has the same name, by a chance of one in a million, and this node is behind
            // it. What this node sent under that name is below the peer's counter, so it remains
            // refused.
            self.rename(counter);
        }
        true
    }

    /// Whether the sender of an advert that was accepted is of this implementation.
    pub fn is_kin(&self, counter: u64) -> bool {
        self.peers.have_sent(counter)
    }

    /// Forgets what was accepted, since strict mode begins or ends here.
    pub fn forget_accepted(&mut self) {
        self.accepted = None;
    }

    /// Takes another name than the one of the sender of `counter`.
    fn rename(&mut self, counter: u64) {
        let drawn = name(mix(self.last.rotate_left(32) ^ counter));
        self.name = if drawn == self.name { drawn ^ 1 } else { drawn };
        self.first = None;
    }
}
