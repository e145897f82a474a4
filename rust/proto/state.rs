// SPDX-License-Identifier: GPL-2.0
//! States, reasons, events, actions, and the table of all changes of state.

use super::config::Config;

/// What a virtual host is; the numbers are `enum carp_state` of `uapi/if_carp.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// Not running: hears nothing, sends nothing.
    Init = 0,
    /// Listens to the master and waits for its silence.
    Backup = 1,
    /// Owns the addresses and advertises it.
    Master = 2,
}

/// Why the state changed; the numbers are `enum carp_reason` of `uapi/if_carp.h`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Reason {
    /// No change so far.
    None = 0,
    /// Device up, parent up, an address present.
    Started = 1,
    /// The carp device was set down or deleted.
    DeviceDown = 2,
    /// The parent is down or has lost its carrier.
    ParentDown = 3,
    /// The last virtual address was removed.
    NoAddress = 4,
    /// No advert from the master for its master-down time.
    MasterTimeout = 5,
    /// The master announced that it leaves, or that it advertises too rarely.
    MasterLeaving = 6,
    /// Preempt is on and the master has a worse priority.
    Preempt = 7,
    /// The master is more demoted than this node.
    PeerDemoted = 8,
    /// A better master was heard.
    BetterMaster = 9,
    /// The administrator asked for it.
    Requested = 10,
    /// Brought to rest while something below it changes.
    AtRest = 11,
    /// MASTER again after that change.
    Resumed = 12,
}

/// What happens to a virtual host, adverts and time apart.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<C = Config> {
    /// It can run: device up, parent up, an address present.
    Start,
    /// It cannot run any longer, for [`Reason::DeviceDown`], [`Reason::ParentDown`],
    /// [`Reason::NoAddress`] or [`Reason::AtRest`]. Any other reason counts as the first.
    Stop(Reason),
    /// It can run again. It was MASTER when it was brought to rest a moment ago.
    Resume,
    /// The administrator asks for BACKUP or MASTER. INIT cannot be requested, and nothing can be
    /// requested while INIT.
    Request(State),
    /// The settings change.
    Configure(C),
    /// An advert could not be sent.
    SendFailed,
    /// An advert was sent.
    SendOk,
    /// The link below has changed: switches and neighbours may have this host in its old place.
    NotifyPeers,
    /// Adverts of the master may have been missed until now.
    Deaf,
    /// Whether another parent of the group does not work.
    GroupDown(bool),
    /// Adverts are signed in another way from now on: some peers have refused those so far.
    SignedAnew,
}

/// What an advert says of its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AdvertKind {
    /// "I am MASTER, and will say so again after an interval."
    Regular,
    /// "I stop being MASTER, and no BACKUP need wait for my silence."
    Leaving,
}

/// A change of state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Change {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// Why.
    pub reason: Reason,
}

/// What the caller has to do, in the order of the fields. After that, it arms its timer to
/// [`Machine::deadline_ns`](super::machine::Machine::deadline_ns).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[must_use]
pub struct Actions {
    /// Take or give up the addresses, and tell user space.
    pub changed: Option<Change>,
    /// Send this advert, from [`Machine::next_advert`](super::machine::Machine::next_advert), and
    /// report with [`Event::SendOk`] or [`Event::SendFailed`] how it went.
    pub send: Option<AdvertKind>,
    /// Announce the addresses to the neighbours (gratuitous ARP, unsolicited NA).
    pub announce: bool,
}

/// The state that `reason` leads to from `from`; `None`: it leads nowhere. All changes of state
/// are in this table.
pub const fn next_state(from: State, reason: Reason) -> Option<State> {
    match (from, reason) {
        (State::Init, Reason::Started) => Some(State::Backup),
        (State::Init, Reason::Resumed) => Some(State::Master),
        (
            State::Backup,
            Reason::MasterTimeout
            | Reason::MasterLeaving
            | Reason::Preempt
            | Reason::PeerDemoted
            | Reason::Requested,
        ) => Some(State::Master),
        (State::Master, Reason::BetterMaster | Reason::Requested) => Some(State::Backup),
        (
            State::Backup | State::Master,
            Reason::DeviceDown | Reason::ParentDown | Reason::NoAddress | Reason::AtRest,
        ) => Some(State::Init),
        _ => None,
    }
}

impl Change {
    /// What this change asks for.
    pub(super) fn actions(self) -> Actions {
        let send = match (self.from, self.to) {
            (_, State::Master) => Some(AdvertKind::Regular),
            // It will be back before anybody misses it.
            (State::Master, State::Init) if matches!(self.reason, Reason::AtRest) => None,
            (State::Master, State::Init) => Some(AdvertKind::Leaving),
            // A better master need not be told; when the administrator asks, a backup is to take
            // over at once.
            (State::Master, State::Backup) if matches!(self.reason, Reason::Requested) => {
                Some(AdvertKind::Leaving)
            }
            _ => None,
        };
        Actions {
            changed: Some(self),
            send,
            announce: matches!(self.to, State::Master),
        }
    }
}
