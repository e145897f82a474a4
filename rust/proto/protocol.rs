// SPDX-License-Identifier: GPL-2.0
//! What the machine takes from a protocol.
//!
//! A protocol is a value: what it remembers of its peers and of its own adverts. The machine has
//! one and asks it; states, timers and announcements are the machine's alone. Each rule about who
//! is the better master is the protocol's, "it leaves" included: CARP compares demotion before
//! intervals, VRRP one number.

use core::cmp::Ordering;
use core::fmt::Debug;

use super::demotion::Causes;
use super::source::{Source, Sources};
use super::state::{AdvertKind, Reason};

/// An advert that was accepted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Heard<'a, A> {
    /// When.
    pub now_ns: u64,
    /// From where.
    pub from: Source,
    /// The interval of its sender: what it announces, or what is observed if that is longer.
    pub interval_ns: u64,
    /// What it says.
    pub advert: &'a A,
}

/// A protocol by which hosts agree on a MASTER.
pub trait Protocol: Copy + Eq + Debug {
    /// What a MASTER sends.
    type Advert;
    /// Why an advert is not accepted.
    type Reject;
    /// The settings of a virtual host.
    type Config: Copy + Eq + Debug;
    /// How good a master this node is. If it changes, a MASTER says so at once.
    type Priority: Copy + Eq;
    /// What a MASTER remembers of equal ones that it has heard.
    type Tie: Copy + Eq + Debug + Default;

    /// A protocol that has heard and sent nothing. `random`: a random number.
    fn new(random: u64) -> Self;

    /// Sets the wall clock, in milliseconds since the epoch. Called before every other call.
    fn set_clock(&mut self, wall_ms: u64);

    /// The settings change from `old` to `new`.
    fn configure(&mut self, old: &Self::Config, new: &Self::Config);

    /// The demotion that the administrator has asked for.
    fn demotion(config: &Self::Config) -> u8;

    /// The priority of this node, while it is demoted for `causes`.
    fn priority(config: &Self::Config, causes: Causes) -> Self::Priority;

    /// The time between the adverts of a node with this priority.
    fn interval_ns(own: &Self::Priority) -> u64;

    /// The silence after which a node with this priority takes the place of a master whose adverts
    /// have the interval `masters_ns` (0 if none is known).
    fn master_down_ns(own: &Self::Priority, masters_ns: u64) -> u64;

    /// Whether an advert is a peer's, and for this virtual host. Asked in every state.
    ///
    /// # Errors
    ///
    /// Why it is not.
    fn check(&self, config: &Self::Config, advert: &Self::Advert) -> Result<(), Self::Reject>;

    /// Accepts an advert that has passed [`check`](Self::check). Returns the interval of its
    /// sender.
    ///
    /// # Errors
    ///
    /// Why it is not accepted.
    fn accept(
        &mut self,
        config: &Self::Config,
        now_ns: u64,
        from: Source,
        advert: &Self::Advert,
    ) -> Result<u64, Self::Reject>;

    /// Why a BACKUP becomes MASTER when it hears `advert`; `None`: it stays BACKUP.
    fn takes_over(
        config: &Self::Config,
        own: &Self::Priority,
        advert: &Self::Advert,
    ) -> Option<Reason>;

    /// Whether a MASTER yields to the sender of `advert`: `Greater`: yes; `Less`: no; `Equal`:
    /// [`yields_to_equal`](Self::yields_to_equal) decides.
    fn compare(own: &Self::Priority, advert: &Self::Advert) -> Ordering;

    /// Whether a MASTER that sends from `own` yields to an equal one. `Some`: how much longer than
    /// the master-down time it waits then. `None`: it stays MASTER.
    fn yields_to_equal(
        &self,
        tie: &mut Self::Tie,
        own: &Sources,
        heard: &Heard<'_, Self::Advert>,
    ) -> Option<u64>;

    /// The next advert to send.
    fn next_advert(
        &mut self,
        config: &Self::Config,
        own: &Self::Priority,
        kind: AdvertKind,
    ) -> Self::Advert;
}
