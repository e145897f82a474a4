// SPDX-License-Identifier: GPL-2.0
//! The state machine of one virtual host.
//!
//! # Vocabulary
//!
//! States:
//!
//! - *INIT*: not running. Adverts are ignored, no timer is armed.
//! - *BACKUP*: waits for the silence of the master.
//! - *MASTER*: owns the addresses, and sends an advert each interval.
//!
//! Inputs:
//!
//! - *event*: the device, the administrator or the sending side has news ([`Event`]).
//! - *timeout*: the caller's timer fired. There is one timer a virtual host: in BACKUP it waits
//!   for the master-down time, in MASTER for the next advert.
//! - *advert*: a peer was heard; the caller has verified its digest.
//!
//! Outputs: [`Actions`], and the deadline for the timer.
//!
//! # States and the reasons that lead from one to another
//!
//! ```text
//!                      Started
//!        INIT ---------------------------> BACKUP
//!        |^  ^                             |  |  ^
//!        ||  |  DeviceDown  ParentDown     |  |  |
//!        ||  |  NoAddress   AtRest         |  |  |  BetterMaster
//!        ||  +-----------------------------+  |  |  Requested
//!        ||                                   |  |
//!        ||     DeviceDown    MasterTimeout   |  |
//!        ||     ParentDown    MasterLeaving   |  |
//!        ||     NoAddress     Preempt         |  |
//!        ||     AtRest        PeerDemoted     |  |
//!        ||                   Requested       v  |
//!        |+--------------------------------- MASTER
//!        |             Resumed                  ^
//!        +--------------------------------------+
//! ```
//!
//! | from | to | sends | announces |
//! |---|---|---|---|
//! | INIT | BACKUP | | |
//! | BACKUP | MASTER | regular advert | at once, and with the second advert after it |
//! | MASTER | BACKUP | leaving advert if `Requested` | |
//! | BACKUP | INIT | | |
//! | MASTER | INIT | leaving advert unless `AtRest` | |
//! | INIT | MASTER | regular advert | at once, and with the second advert after it |
//!
//! The table is [`next_state`]; what it says is done in
//! `Machine::change` and nowhere else. `tests/proto` has the full table of states and inputs as a
//! file.

use core::cmp::Ordering;

use super::demotion::{Cause, Causes, SendErrors};
use super::protocol::{Heard, Protocol};
use super::source::{Source, Sources};
use super::state::next_state;
pub use super::state::{Actions, AdvertKind, Change, Event, Reason, State};

/// A new MASTER announces its addresses again with this advert: some switches miss the first.
const ANNOUNCE_AGAIN: u8 = 2;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Role<T> {
    Init,
    Backup(Backup),
    Master(Master<T>),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Backup {
    /// When the master was heard last; or when this state began.
    heard_ns: u64,
    /// The interval of its adverts; 0 if none is known.
    interval_ns: u64,
    /// It waits this much longer than the master-down time.
    extra_ns: u64,
    master: Option<Known>,
    /// Set when the timer was late: it does not take over before this.
    not_before_ns: Option<u64>,
}

impl Backup {
    /// Its master was heard, or may be heard, from `now_ns` on.
    const fn since(now_ns: u64, interval_ns: u64, master: Option<Known>) -> Self {
        Self {
            heard_ns: now_ns,
            interval_ns,
            extra_ns: 0,
            master,
            not_before_ns: None,
        }
    }

    /// Its master is the sender of what was heard.
    const fn of<A>(heard: &Heard<'_, A>) -> Self {
        let master = Known::new(heard.now_ns, heard.from);
        Self::since(heard.now_ns, heard.interval_ns, Some(master))
    }
}

/// The master that a BACKUP listens to, by the source of one of its adverts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Known {
    source: Source,
    heard_ns: u64,
}

impl Known {
    const fn new(heard_ns: u64, source: Source) -> Self {
        Self { source, heard_ns }
    }

    /// A master that advertises in both families is known by its IPv4 address, as long as it is
    /// heard over IPv4 as well.
    fn keeps_its_name(&self, now_ns: u64, from: Source, interval_ns: u64) -> bool {
        matches!((self.source, from), (Source::V4(_), Source::V6(_)))
            && now_ns.saturating_sub(self.heard_ns) <= interval_ns.saturating_mul(2)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Master<T> {
    announced_at_ns: u64,
    /// Announce again with the advert that counts this down to 0.
    announce_in: u8,
    tie: T,
}

/// The state machine of one virtual host.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Machine<P: Protocol> {
    config: P::Config,
    role: Role<P::Tie>,
    deadline_ns: Option<u64>,
    protocol: P,
    send_errors: SendErrors,
    /// The causes of demotion that the caller knows of.
    told: Causes,
    late_timers: u64,
}

impl<P: Protocol> Machine<P> {
    /// A virtual host in INIT. `random`: a random number, for the protocol.
    pub fn new(config: P::Config, random: u64) -> Self {
        Self {
            config,
            role: Role::Init,
            deadline_ns: None,
            protocol: P::new(random),
            send_errors: SendErrors::default(),
            told: Causes::default(),
            late_timers: 0,
        }
    }

    /// Its state.
    pub const fn state(&self) -> State {
        match self.role {
            Role::Init => State::Init,
            Role::Backup(_) => State::Backup,
            Role::Master(_) => State::Master,
        }
    }

    /// Its settings.
    pub const fn config(&self) -> &P::Config {
        &self.config
    }

    /// Where the adverts of the current master come from. `None` while MASTER itself, or while
    /// none is known.
    pub const fn master(&self) -> Option<Source> {
        match self.role {
            Role::Backup(Backup {
                master: Some(known),
                ..
            }) => Some(known.source),
            Role::Backup(_) | Role::Init | Role::Master(_) => None,
        }
    }

    /// When to call [`Self::timeout`]; `None`: not at all. To be asked after every call.
    pub const fn deadline_ns(&self) -> Option<u64> {
        self.deadline_ns
    }

    /// How many timeouts came more than one own interval late.
    pub const fn late_timers(&self) -> u64 {
        self.late_timers
    }

    /// Why it is demoted now.
    pub fn causes(&self, now_ns: u64) -> Causes {
        self.told
            .with(Cause::Administrator, P::demotion(&self.config) > 0)
            .with(Cause::SendErrors, self.send_errors.hold(now_ns))
    }

    /// Sets the wall clock, in milliseconds since the epoch. To be called before every other call.
    pub fn set_clock(&mut self, wall_ms: u64) {
        self.protocol.set_clock(wall_ms);
    }

    /// Something happened.
    pub fn event(&mut self, now_ns: u64, event: Event<P::Config>) -> Actions {
        let before = self.priority(now_ns);
        match event {
            Event::Start => return self.change(now_ns, Reason::Started, None),
            Event::Resume => return self.change(now_ns, Reason::Resumed, None),
            Event::Stop(reason) => {
                let reason = match next_state(State::Backup, reason) {
                    Some(State::Init) => reason,
                    _ => Reason::DeviceDown,
                };
                return self.change(now_ns, reason, None);
            }
            Event::Request(wanted) => {
                return if next_state(self.state(), Reason::Requested) == Some(wanted) {
                    self.change(now_ns, Reason::Requested, None)
                } else {
                    Actions::default()
                };
            }
            Event::Configure(config) => {
                self.protocol.configure(&self.config, &config);
                self.config = config;
            }
            Event::SendFailed => self.send_errors.failed(now_ns),
            Event::SendOk => self.send_errors.succeeded(),
            Event::GroupDown(down) => self.told = self.told.with(Cause::Group, down),
            Event::SignedAnew if self.state() == State::Master => return self.say_at_once(now_ns),
            Event::SignedAnew => (),
            Event::Deaf => {
                if let Role::Backup(backup) = &mut self.role {
                    backup.heard_ns = now_ns;
                    self.arm(now_ns);
                }
                return Actions::default();
            }
            Event::NotifyPeers => return self.notify_peers(now_ns),
        }
        if self.priority(now_ns) == before {
            return Actions::default();
        }
        self.say_at_once(now_ns)
    }

    /// The timer fired. A timeout that is early, or that nothing waits for, does nothing. So a
    /// timer that could not be stopped in time does no harm.
    pub fn timeout(&mut self, now_ns: u64) -> Actions {
        let interval_ns = P::interval_ns(&self.priority(now_ns));
        let late = match self.deadline_ns {
            Some(deadline_ns) if deadline_ns <= now_ns => {
                now_ns.saturating_sub(deadline_ns) > interval_ns
            }
            _ => return Actions::default(),
        };
        if late {
            self.late_timers = self.late_timers.saturating_add(1);
        }
        match &mut self.role {
            Role::Init => Actions::default(),
            // This host stood still, and adverts may be waiting that it has not heard yet.
            Role::Backup(backup) if late && backup.not_before_ns.is_none() => {
                backup.not_before_ns = Some(now_ns.saturating_add(interval_ns));
                self.arm(now_ns);
                Actions::default()
            }
            Role::Backup(_) => self.change(now_ns, Reason::MasterTimeout, None),
            Role::Master(master) => {
                let announce = master.announce_in == 1;
                master.announce_in = master.announce_in.saturating_sub(1);
                if announce {
                    master.announced_at_ns = now_ns;
                }
                self.arm(now_ns);
                Actions {
                    send: Some(AdvertKind::Regular),
                    announce,
                    ..Actions::default()
                }
            }
        }
    }

    /// An advert with a right digest was heard from `from`. `own`: what this node's adverts are
    /// sent from. The sender's are of the same families, since the digest is right.
    ///
    /// # Errors
    ///
    /// Those of [`Protocol::check`]; then, unless in INIT, those of [`Protocol::accept`].
    pub fn advert(
        &mut self,
        now_ns: u64,
        own: &Sources,
        from: Source,
        advert: &P::Advert,
    ) -> Result<Actions, P::Reject> {
        self.protocol.check(&self.config, advert)?;
        if let Role::Init = self.role {
            return Ok(Actions::default());
        }
        let interval_ns = self.protocol.accept(&self.config, now_ns, from, advert)?;
        let heard = Heard {
            now_ns,
            from,
            interval_ns,
            advert,
        };
        Ok(match self.role {
            Role::Init => Actions::default(),
            Role::Backup(backup) => self.heard_as_backup(backup, &heard),
            Role::Master(master) => self.heard_as_master(master, own, &heard),
        })
    }

    /// The next advert to send, to be called once for each address family.
    pub fn next_advert(&mut self, now_ns: u64, kind: AdvertKind) -> P::Advert {
        let priority = self.priority(now_ns);
        self.protocol.next_advert(&self.config, &priority, kind)
    }

    /// Its next advert says something new. A MASTER does not let the peers wait for it.
    fn say_at_once(&mut self, now_ns: u64) -> Actions {
        self.arm(now_ns);
        Actions {
            send: matches!(self.role, Role::Master(_)).then_some(AdvertKind::Regular),
            ..Actions::default()
        }
    }

    /// A MASTER says at once and in full that it is here, as if it had just become one.
    fn notify_peers(&mut self, now_ns: u64) -> Actions {
        let Role::Master(master) = &mut self.role else {
            return Actions::default();
        };
        master.announced_at_ns = now_ns;
        master.announce_in = ANNOUNCE_AGAIN;
        self.arm(now_ns);
        Actions {
            send: Some(AdvertKind::Regular),
            announce: true,
            ..Actions::default()
        }
    }

    fn heard_as_backup(&mut self, before: Backup, heard: &Heard<'_, P::Advert>) -> Actions {
        let now_ns = heard.now_ns;
        let own = self.priority(now_ns);
        if let Some(reason) = P::takes_over(&self.config, &own, heard.advert) {
            return self.change(now_ns, reason, None);
        }
        let mut backup = Backup::of(heard);
        if let Some(known) = before.master {
            if known.keeps_its_name(now_ns, heard.from, heard.interval_ns) {
                backup.master = Some(known);
            }
        }
        self.role = Role::Backup(backup);
        self.arm(now_ns);
        Actions::default()
    }

    fn heard_as_master(
        &mut self,
        mut master: Master<P::Tie>,
        own: &Sources,
        heard: &Heard<'_, P::Advert>,
    ) -> Actions {
        let now_ns = heard.now_ns;
        let priority = self.priority(now_ns);
        let yields = match P::compare(&priority, heard.advert) {
            Ordering::Less => None,
            Ordering::Equal => self.protocol.yields_to_equal(&mut master.tie, own, heard),
            Ordering::Greater => Some(0),
        };
        if let Some(extra_ns) = yields {
            let better = Backup {
                extra_ns,
                ..Backup::of(heard)
            };
            return self.change(now_ns, Reason::BetterMaster, Some(better));
        }

        // This one stays MASTER. The neighbours may have learned the other's place.
        let announce = now_ns.saturating_sub(master.announced_at_ns) >= P::interval_ns(&priority);
        if announce {
            master.announced_at_ns = now_ns;
        }
        master.announce_in = ANNOUNCE_AGAIN;
        self.role = Role::Master(master);
        Actions {
            announce,
            ..Actions::default()
        }
    }

    /// The only function that changes the state. `better`: the master that this node yields to.
    fn change(&mut self, now_ns: u64, reason: Reason, better: Option<Backup>) -> Actions {
        let from = self.state();
        let Some(to) = next_state(from, reason) else {
            return Actions::default();
        };
        self.role = match to {
            State::Init => Role::Init,
            State::Backup => Role::Backup(better.unwrap_or(Backup::since(now_ns, 0, None))),
            State::Master => Role::Master(Master {
                announced_at_ns: now_ns,
                announce_in: ANNOUNCE_AGAIN,
                tie: P::Tie::default(),
            }),
        };
        self.arm(now_ns);
        Change { from, to, reason }.actions()
    }

    fn arm(&mut self, now_ns: u64) {
        let priority = self.priority(now_ns);
        self.deadline_ns = match self.role {
            Role::Init => None,
            Role::Backup(backup) => Some(
                backup
                    .heard_ns
                    .saturating_add(P::master_down_ns(&priority, backup.interval_ns))
                    .saturating_add(backup.extra_ns)
                    .max(backup.not_before_ns.unwrap_or(now_ns))
                    .max(now_ns),
            ),
            Role::Master(_) => Some(now_ns.saturating_add(P::interval_ns(&priority))),
        };
    }

    fn priority(&self, now_ns: u64) -> P::Priority {
        P::priority(&self.config, self.causes(now_ns))
    }
}
