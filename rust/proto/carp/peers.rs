// SPDX-License-Identifier: GPL-2.0
//! The peers of this implementation, as far as their adverts show it.
//!
//! The lower bits of their [counters](super::counter) are their name and stay the same, while the
//! upper ones grow. No other system has such counters: OpenBSD's do not grow, and in those that
//! count by one or draw each at random the lower bits change. So a peer is of this implementation
//! once its counter has grown under the same name. From then on its counters are known to grow. An
//! advert whose counter does not was sent before. It does not matter who sends it again, or what
//! the fields say that the digest does not cover.
//!
//! A peer has another name after a restart, so it is heard even if its clock was set back.

use core::mem::swap;

use super::counter::name;

/// How many names are remembered: those of the other nodes, and some of theirs from before a
/// restart.
const REMEMBERED: usize = 8;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Peer {
    counter: u64,
    /// It is of this implementation.
    grows: bool,
}

/// The names heard, the last one first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Peers([Option<Peer>; REMEMBERED]);

impl Peers {
    pub(super) const fn new() -> Self {
        Self([None; REMEMBERED])
    }

    /// Whether a peer of this implementation has sent `counter` before, or has gone beyond it.
    pub(super) fn have_sent(&self, counter: u64) -> bool {
        self.growing()
            .any(|known| name(known) == name(counter) && counter <= known)
    }

    /// The highest counter of a peer of this implementation; 0 if there is none.
    pub(super) fn highest(&self) -> u64 {
        self.growing().max().unwrap_or(0)
    }

    /// An advert with `counter` was accepted.
    pub(super) fn heard(&mut self, counter: u64) {
        let is_it = |peer: &Peer| name(peer.counter) == name(counter);
        let known = self
            .0
            .iter()
            .position(|slot| slot.as_ref().is_some_and(is_it));
        let before = known.and_then(|at| *self.0.get(at)?);
        let grows = before.is_some_and(|before| before.grows || before.counter < counter);
        // A name that has not grown makes room, if there is one. Systems whose counters are random
        // or count by one have a new name with each advert.
        let can_go = |slot: &Option<Peer>| slot.is_none_or(|peer| !peer.grows);
        let place = known
            .or_else(|| self.0.iter().rposition(can_go))
            .unwrap_or(REMEMBERED);
        let mut moved = Some(Peer { counter, grows });
        for slot in self.0.iter_mut().take(place.saturating_add(1)) {
            swap(slot, &mut moved);
        }
    }

    fn growing(&self) -> impl Iterator<Item = u64> + '_ {
        let peers = self.0.iter().flatten();
        peers.filter(|peer| peer.grows).map(|peer| peer.counter)
    }
}
