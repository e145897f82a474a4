// SPDX-License-Identifier: GPL-2.0
//! One virtual host.
//!
//! Contexts: adverts and the timer come in softirqs, through `users`. Settings, addresses and the
//! parent's state come as steps of operations, under RTNL. Every input of the machine passes
//! through [`Vhost::step`], which runs the machine under `core`, a spinlock.

mod step;

use self::step::Outbox;
use super::{
    families::Families,
    holder::{Holder, Standing},
    notices::{self, Fault},
    quiescence::Users,
    statistics::Counters,
    status::{LastChange, Status},
};
use crate::{
    proto::{
        carp::{
            advert::{Advert, Reject, Source},
            auth::Digest,
            signature::{Heard, List, Signatures},
            Machine,
        },
        config::{Changes, Config},
        link::mac,
        machine::{Actions, Event, Reason, State},
    },
    sys::{
        atomic::Byte,
        clock,
        hmac::HmacSha1,
        lock::{spin_lock_bh, SpinLockBh},
        net_device::{Mac, NetDevice, RcuDevice, Rtnl},
        timer::{impl_has_timer, HasTimer, Timer},
    },
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Release},
        rcu::Guard,
        Arc,
    },
};

#[pin_data(PinnedDrop)]
pub(crate) struct Vhost {
    #[pin]
    timer: Timer<Vhost>,
    /// Changes only at rest, or while the device is down.
    vhid: Atomic<Byte>,
    /// Its place among the virtual hosts of its device.
    place: usize,
    holder: Arc<Holder>,
    /// The state, for the data path.
    is_master: Atomic<bool>,
    users: Users,
    /// A test is inside.
    is_held: Atomic<bool>,
    #[pin]
    core: SpinLockBh<Core>,
}

impl_has_timer!(Vhost, timer, Vhost::timer_expired);

/// What the lock protects.
pub(crate) struct Core {
    machine: Machine,
    /// The settings after all requests so far, except the vhid.
    intended: Config,
    signatures: Signatures<HmacSha1>,
    families: Families,
    has_addresses: bool,
    /// The device has joined the parent's snapshot, and is not about to leave it.
    has_joined: bool,
    /// While at rest: the state before.
    resume_as: Option<State>,
    /// What its device knows of it.
    standing: Standing,
    last_change: Option<LastChange>,
    /// Somebody's counter does not grow, and the administrator has been told.
    told_counter: bool,
    counters: Counters,
    outbox: Outbox,
    /// When the timer will fire; `None`: it will not, or it just has.
    armed_ns: Option<u64>,
}

impl Vhost {
    /// The virtual host at `place` of its device, which has no addresses yet.
    pub(crate) fn new(
        config: Config,
        digest: Digest<HmacSha1>,
        holder: Arc<Holder>,
        place: usize,
    ) -> Result<Arc<Self>> {
        let core = Core {
            machine: Machine::new(config, u64::from(clock::random_u32())),
            intended: config,
            signatures: Signatures::new(digest),
            families: Families::default(),
            has_addresses: false,
            has_joined: false,
            resume_as: None,
            standing: Standing::default(),
            last_change: None,
            told_counter: false,
            counters: Counters::default(),
            outbox: Outbox::default(),
            armed_ns: None,
        };
        Arc::pin_init(
            pin_init!(Self {
                timer <- Timer::new(),
                vhid: Atomic::new(Byte(config.vhid)),
                place,
                holder,
                is_master: Atomic::new(false),
                users: Users::new(),
                is_held: Atomic::new(false),
                core <- spin_lock_bh!(core, c"carp vhost"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn vhid(&self) -> u8 {
        self.vhid.load(Acquire).0
    }

    pub(crate) fn mac(&self) -> Mac {
        mac::virtual_mac(self.vhid())
    }

    pub(crate) fn place(&self) -> usize {
        self.place
    }

    /// The settings when all requests so far are done, except the vhid.
    pub(crate) fn intended_config(&self) -> Config {
        self.core.lock().intended
    }

    /// Notes settings that a request asks for.
    pub(crate) fn intend(&self, _rtnl: &Rtnl<'_>, changes: &Changes) {
        let mut core = self.core.lock();
        core.intended = changes.apply(&core.intended);
    }

    /// The carp device.
    pub(crate) fn device(&self) -> &RcuDevice {
        self.holder.device()
    }

    fn parent_device(&self) -> &NetDevice {
        self.holder.lower().device()
    }

    /// The state is MASTER. For the data path: no lock, and a word that only a change of state
    /// writes.
    pub(crate) fn is_master(&self) -> bool {
        self.is_master.load(Acquire)
    }

    pub(crate) fn status(&self) -> Status {
        let core = self.core.lock();
        Status {
            config: *core.machine.config(),
            causes: core.machine.causes(clock::now_ns()),
            state: core.machine.state(),
            master: core.machine.master(),
            last_change: core.last_change,
            late_timers: core.machine.late_timers(),
            counters: core.counters,
        }
    }

    /// The virtual host runs, or is at rest and will run after that.
    pub(crate) fn runs(&self) -> bool {
        let core = self.core.lock();
        core.machine.state() != State::Init || core.resume_as.is_some()
    }

    /// The device is up.
    pub(crate) fn is_open(&self) -> bool {
        self.holder.is_open()
    }

    /// The device has joined the parent's snapshot.
    pub(crate) fn joined(&self, rtnl: &Rtnl<'_>) {
        self.core.lock().has_joined = true;
        let _ = self.holder.lower().as_arc_borrow().may_be_deaf();
        self.start_or_stop(rtnl);
    }

    /// The device is set down, and about to leave the snapshot. A MASTER tells its peers that it
    /// leaves. Context: process.
    pub(crate) fn close(&self) {
        self.release();
        self.step(|core, now_ns| {
            core.has_joined = false;
            core.stop(now_ns, Reason::DeviceDown)
        });
        self.stop_timer();
    }

    /// The device or the host is about to be set down. A MASTER tells its peers that it leaves. The
    /// device is open until then, since it is still in the snapshot. Context: any but hard
    /// interrupts.
    pub(crate) fn say_goodbye(&self) {
        self.step(|core, now_ns| {
            core.has_joined = false;
            core.stop(now_ns, Reason::DeviceDown)
        });
    }

    /// Starts the virtual host if everything that it takes is there, and stops it otherwise.
    pub(crate) fn start_or_stop(&self, _rtnl: &Rtnl<'_>) {
        let parent_works = self.holder.lower().works();
        self.step(|core, now_ns| {
            if !core.has_joined {
                core.stop(now_ns, Reason::DeviceDown)
            } else if !parent_works {
                core.stop(now_ns, Reason::ParentDown)
            } else if !core.has_addresses {
                core.stop(now_ns, Reason::NoAddress)
            } else if core.resume_as.take() == Some(State::Master) {
                core.machine.event(now_ns, Event::Resume)
            } else {
                core.machine.event(now_ns, Event::Start)
            }
        });
    }

    /// Comes to rest: from now on neither an advert nor the timer gets in. The state is kept.
    pub(crate) fn go_down(&self) {
        self.users.close();
        self.step(|core, now_ns| {
            core.resume_as = Some(core.machine.state());
            core.machine.event(now_ns, Event::Stop(Reason::AtRest))
        });
    }

    /// Comes to rest, and resumes as BACKUP. A MASTER tells its peers that it leaves, so they need
    /// not wait for it.
    pub(crate) fn go_down_for_good(&self) {
        self.users.close();
        self.step(|core, now_ns| {
            core.resume_as = Some(State::Backup);
            core.machine.event(now_ns, Event::Stop(Reason::DeviceDown))
        });
    }

    /// Sets another vhid, and with it another virtual MAC address. The virtual host is at rest, or
    /// the device is down.
    pub(crate) fn renumber(&self, vhid: u8) {
        self.vhid.store(Byte(vhid), Release);
        self.step(|core, now_ns| {
            let config = Config {
                vhid,
                ..*core.machine.config()
            };
            core.machine.event(now_ns, Event::Configure(config))
        });
    }

    /// The parent is about to be set down. A MASTER tells its peers that it leaves, while it can.
    pub(crate) fn parent_going_down(&self) {
        self.step(|core, now_ns| core.stop(now_ns, Reason::ParentDown));
    }

    /// The link below the parent has changed.
    pub(crate) fn notify_peers(&self) {
        self.step(|core, now_ns| core.machine.event(now_ns, Event::NotifyPeers));
    }

    /// Becomes what it was before [`Vhost::go_down`], if it still can.
    pub(crate) fn come_up(&self, rtnl: &Rtnl<'_>) {
        self.users.open();
        self.start_or_stop(rtnl);
    }

    pub(crate) fn is_at_rest(&self) -> bool {
        self.users.is_at_rest()
    }

    /// How many users are inside just now.
    pub(crate) fn users(&self) -> u32 {
        self.users.count()
    }

    /// For tests: keeps a user inside until [`Vhost::release`], or until the device goes down.
    /// Fails if the virtual host lets nobody in.
    pub(crate) fn hold(&self) -> Result {
        let inside = self.enter().ok_or(EBUSY)?;
        // Whoever releases it finds it held only while that user is inside.
        if !self.is_held.xchg(true, Full) {
            core::mem::forget(inside);
        }
        Ok(())
    }

    pub(crate) fn release(&self) {
        if self.is_held.xchg(false, Full) {
            drop(Inside(self));
        }
    }

    /// Sets whether a parent of its group does not work.
    pub(crate) fn set_group_down(&self, down: bool) {
        self.step(|core, now_ns| core.machine.event(now_ns, Event::GroupDown(down)));
    }

    fn enter(&self) -> Option<Inside<'_>> {
        self.users.enter().then(|| Inside(self))
    }

    /// Changes the settings.
    pub(crate) fn configure(&self, changes: &Changes) {
        self.step(|core, now_ns| {
            if changes.strict.is_some() {
                core.told_counter = false;
            }
            let config = changes.apply(core.machine.config());
            core.machine.event(now_ns, Event::Configure(config))
        });
    }

    /// Changes the state to the requested one, if the machine allows it.
    pub(crate) fn request(&self, state: State) {
        self.step(|core, now_ns| core.machine.event(now_ns, Event::Request(state)));
    }

    /// Signs adverts with `digest` alone from now on: there is another key, or another vhid.
    pub(crate) fn sign_anew(&self, digest: Digest<HmacSha1>) {
        self.core.lock().signatures.reset(digest);
    }

    /// The device has other addresses, in these families and with this digest. True: the virtual
    /// host is MASTER and not silent, so the new addresses are to be announced.
    pub(crate) fn addresses_changed(&self, families: Families, digest: Digest<HmacSha1>) -> bool {
        let mut core = self.core.lock();
        core.has_addresses = families.is_some();
        core.families.follow(families);
        let state = core.machine.state();
        if state == State::Init {
            core.signatures.restart(digest);
        } else {
            let grace_s = core.machine.config().grace_s;
            core.signatures.change(clock::now_ns(), digest, grace_s);
        }
        state == State::Master && core.outbox.speaks()
    }

    /// An advert with this vhid came in on the parent. True: it is accepted.
    pub(crate) fn advert_received(&self, guard: &Guard, from: Source, advert: &Advert) -> bool {
        let Some(_inside) = self.enter() else {
            return false;
        };
        let device = self.device().get(guard);
        let (mut news, mut is_accepted) = (None, false);
        self.step(|core, now_ns| {
            let heard = core
                .signatures
                .verify(now_ns, advert.counter, &advert.digest);
            let result = if heard.list.is_some() {
                let own = core.families.sources(guard, self.parent_device(), device);
                core.machine.advert(now_ns, &own, from, advert)
            } else {
                Err(Reject::Auth)
            };
            core.counters.count_received(&result, from);
            news = core.news(&heard, &result);
            is_accepted = result.is_ok();
            let Ok(mut actions) = result else {
                return Actions::default();
            };
            // In INIT the advert may be an old one: no counter is known that it must exceed.
            let is_new = core.machine.state() != State::Init;
            if is_new && core.signatures.accepted(now_ns, &heard) {
                let said = core.machine.event(now_ns, Event::SignedAnew);
                actions.send = actions.send.or(said.send);
            }
            actions
        });
        if let (Some(fault), Some(device)) = (news, device) {
            notices::advert(device, from, fault);
        }
        is_accepted
    }

    fn timer_expired(&self) {
        let Some(_inside) = self.enter() else { return };
        let may_be_deaf = self.holder.lower().as_arc_borrow().may_be_deaf();
        self.step(|core, now_ns| {
            core.armed_ns = None;
            if may_be_deaf {
                let _ = core.machine.event(now_ns, Event::Deaf);
            }
            core.machine.timeout(now_ns)
        });
    }
}

/// Somebody is inside a virtual host.
struct Inside<'a>(&'a Vhost);

impl Drop for Inside<'_> {
    fn drop(&mut self) {
        if self.0.users.leave() {
            self.0.holder.lower().wake();
        }
    }
}

impl Core {
    /// A MASTER at rest keeps the addresses: it has told nobody that they are free.
    fn owns_addresses(&self) -> bool {
        let is_master = |state| state == State::Master;
        is_master(self.machine.state()) || self.resume_as.is_some_and(is_master)
    }

    fn standing(&self) -> Standing {
        Standing {
            vhid: self.machine.config().vhid,
            is_master: self.machine.state() == State::Master,
            owns_addresses: self.owns_addresses(),
        }
    }

    /// The virtual host cannot run. If it was at rest, `reason` replaces that as the reason.
    fn stop(&mut self, now_ns: u64, reason: Reason) -> Actions {
        if self.resume_as.take().is_some() {
            if let Some(change) = &mut self.last_change {
                change.reason = reason;
            }
        }
        self.machine.event(now_ns, Event::Stop(reason))
    }

    /// What the administrator has to be told of an advert, once.
    fn news(&mut self, heard: &Heard, result: &Result<Actions, Reject>) -> Option<Fault> {
        match (heard.list, result) {
            (None, _) => heard.is_news.then_some(Fault::Signature),
            (Some(List::Overdue), _) => heard.is_news.then_some(Fault::OldAddresses),
            (_, Err(Reject::Replay)) if self.machine.config().strict => {
                let was_told = core::mem::replace(&mut self.told_counter, true);
                (!was_told).then_some(Fault::Counter)
            }
            _ => None,
        }
    }
}
