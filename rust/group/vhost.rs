// SPDX-License-Identifier: GPL-2.0
//! A virtual host: the protocol's machine, with the timer, the clock and the network it lacks.
//!
//! Contexts: adverts and the timer come in softirqs, through `users`; settings, addresses and the
//! parent's state come as steps of operations, under RTNL. All pass through [`Vhost::step`], which
//! runs the machine under `core`, a spinlock.

mod step;

use self::step::Outbox;
use super::{
    addresses::{Addresses, Families, Groups},
    digest::Unhashed,
    notices::{self, Fault},
    operation::Kind,
    parent::{Parent, Seat},
    quiescence::Users,
    statistics::Counters,
    status::{LastChange, Settings, Status},
    ties::GroupName,
};
use crate::{
    address::{conflicts::Conflicts, ownership::Ownership, table},
    proto::{
        carp::{
            advert::{Advert, Reject, Source},
            signature::{Heard, List, Signatures},
        },
        config::Config,
        link::mac,
        machine::{Actions, Event, Machine, Reason, State},
    },
    sys::{
        atomic::Byte,
        clock,
        hmac::{HmacSha1, Key},
        inet6, link,
        lock::SpinLockBh,
        net_device::{Mac, NetDevice, RcuDevice, Rtnl, RtnlGuard},
        queue,
        timer::{impl_has_timer, Timer},
    },
};
use kernel::sync::atomic::{Acquire, Atomic, Full, Release};
use kernel::{
    alloc::KVec,
    impl_has_work, new_work,
    prelude::*,
    static_lock_class,
    sync::{rcu::Guard, Arc, ArcBorrow},
    workqueue::{Work, WorkItem},
};

#[pin_data(PinnedDrop)]
pub(crate) struct Vhost {
    /// Changes at rest only.
    vhid: Atomic<Byte>,
    device: Arc<RcuDevice>,
    parent: Seat,
    /// The state, for the data path.
    is_master: Atomic<bool>,
    users: Users,
    /// A test is inside.
    is_held: Atomic<bool>,
    #[pin]
    core: SpinLockBh<Core>,
    #[pin]
    timer: Timer<Vhost>,
    ownership: Arc<Ownership>,
    /// Its list of addresses has changed, where it could not be read.
    addresses_changed: Atomic<bool>,
    /// There was no memory for that: not at once again.
    lacks_memory: Atomic<bool>,
    pub(crate) conflicts: Conflicts,
    /// Reads what could not be read before.
    #[pin]
    work: Work<Vhost>,
}

impl_has_timer!(Vhost, timer, Vhost::timer_expired);
impl_has_work! { impl HasWork<Self> for Vhost { self.work } }

impl WorkItem for Vhost {
    type Pointer = Arc<Self>;

    fn run(this: Arc<Self>) {
        if this.lacks_memory.xchg(false, Full) {
            queue::wait_for_memory();
        }
        // If it fails, this runs again.
        let _ = this.as_arc_borrow().catch_up(&RtnlGuard::new());
    }
}

/// The tables have the routes of the addresses of `device`. Context: process.
fn invite(device: &NetDevice) {
    if let Some(vhost) = link::of::<Vhost>(device) {
        vhost.invite();
    }
}

/// What the lock protects.
pub(crate) struct Core {
    machine: Machine,
    /// The settings that it will have, but for the vhid.
    intended: Config,
    key: Key,
    signatures: Signatures<HmacSha1>,
    addresses: Addresses,
    families: Families,
    /// Those that the parent listens to for it.
    groups: Groups,
    /// The vhids that it will have, one after the other.
    claims: KVec<u8>,
    /// The device is up.
    is_open: bool,
    /// It hears what its parent receives.
    has_joined: bool,
    group: GroupName,
    /// While at rest: what it was before.
    resume_as: Option<State>,
    last_change: Option<LastChange>,
    /// Somebody's counter does not grow, and the administrator has been told.
    told_counter: bool,
    counters: Counters,
    outbox: Outbox,
}

impl Vhost {
    pub(crate) fn new(config: Config, key: Key, parent: Arc<Parent>) -> Result<Arc<Self>> {
        let digest = Unhashed::new(&key, config.vhid).of(&mut Addresses::default());
        let core = Core {
            machine: Machine::new(config, u64::from(clock::random_u32())),
            intended: config,
            key,
            signatures: Signatures::new(digest),
            addresses: Addresses::default(),
            families: Families::default(),
            groups: Groups::default(),
            claims: KVec::new(),
            is_open: false,
            has_joined: false,
            group: GroupName::default(),
            resume_as: None,
            last_change: None,
            told_counter: false,
            counters: Counters::default(),
            outbox: Outbox::default(),
        };
        let device = Arc::new(RcuDevice::empty(), GFP_KERNEL_ACCOUNT)?;
        let ownership = Ownership::new(device.clone(), parent.device(), invite)?;
        let parent = Seat::new(parent)?;
        Arc::pin_init(
            pin_init!(Self {
                vhid: Atomic::new(Byte(config.vhid)),
                device,
                parent,
                is_master: Atomic::new(false),
                users: Users::new(),
                is_held: Atomic::new(false),
                core <- SpinLockBh::new(core, c"carp vhost", static_lock_class!()),
                timer <- Timer::new(),
                ownership,
                addresses_changed: Atomic::new(false),
                lacks_memory: Atomic::new(false),
                conflicts: Conflicts::new(),
                work <- new_work!("carp addresses"),
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

    /// It has this vhid, or will have it: no other virtual host on this parent may.
    pub(crate) fn claims(&self, vhid: u8) -> bool {
        self.vhid() == vhid || self.core.lock().claims.contains(&vhid)
    }

    /// Calls `f` with each MAC address that the parent lets in for it, until `f` fails: its own
    /// while the device is up, and that of each vhid that it claims.
    pub(crate) fn for_each_mac(
        &self,
        _rtnl: &Rtnl<'_>,
        f: &mut dyn FnMut(&Mac) -> Result,
    ) -> Result {
        if self.is_open() {
            f(&self.mac())?;
        }
        let mut at = 0_usize;
        loop {
            // RTNL keeps the list as it is; `f` is not called with the lock held.
            let claim = self.core.lock().claims.get(at).copied();
            let Some(vhid) = claim else { return Ok(()) };
            f(&mac::virtual_mac(vhid))?;
            at = at.saturating_add(1);
        }
    }

    /// The vhid that it will have when all that was asked for is done.
    pub(crate) fn intended_vhid(&self) -> u8 {
        let core = self.core.lock();
        core.claims.last().copied().unwrap_or(self.vhid())
    }

    /// The settings that it will have when all that was asked for is done; the vhid is not counted.
    pub(crate) fn intended_config(&self) -> Config {
        self.core.lock().intended
    }

    /// Settings that are asked for now.
    pub(crate) fn intend(&self, _rtnl: &Rtnl<'_>, config: Config) {
        self.core.lock().intended = config;
    }

    /// Claims `vhid`, which it will have behind the others that it claims.
    pub(crate) fn claim(&self, _rtnl: &Rtnl<'_>, vhid: u8) -> Result {
        // Allocated without the lock; RTNL keeps others from claiming meanwhile.
        let len = self.core.lock().claims.len();
        let mut claims = KVec::with_capacity(len.saturating_add(1), GFP_KERNEL_ACCOUNT)?;
        let old = {
            let mut core = self.core.lock();
            for claim in Iterator::chain(core.claims.iter(), [&vhid]) {
                claims.push_within_capacity(*claim).or(Err(ENOMEM))?;
            }
            core::mem::replace(&mut core.claims, claims)
        };
        drop(old);
        Ok(())
    }

    /// Does not claim `vhid` any more: it has it, or nothing has come of it.
    pub(crate) fn unclaim(&self, vhid: u8) {
        let mut core = self.core.lock();
        if let Some(index) = core.claims.iter().position(|claim| *claim == vhid) {
            let _ = core.claims.remove(index);
        }
    }

    /// The carp device.
    pub(crate) fn device(&self) -> &RcuDevice {
        &self.device
    }

    pub(crate) fn parent(&self) -> &Arc<Parent> {
        &self.parent
    }

    pub(crate) fn parent_device(&self) -> &NetDevice {
        self.parent.device()
    }

    /// For the data path: no lock, no memory that anybody writes but at a change of state.
    pub(crate) fn is_master(&self) -> bool {
        self.is_master.load(Acquire)
    }

    /// The addresses are this host's.
    pub(crate) fn owns_addresses(&self) -> bool {
        self.ownership.is_owned()
    }

    pub(crate) fn ownership(&self) -> &Arc<Ownership> {
        &self.ownership
    }

    pub(crate) fn status(&self) -> Status {
        let core = self.core.lock();
        Status {
            config: *core.machine.config(),
            group: core.group,
            state: core.machine.state(),
            master: core.machine.master(),
            last_change: core.last_change,
            late_timers: core.machine.late_timers(),
            counters: core.counters,
        }
    }

    /// It runs, or will when what is under way is done.
    pub(crate) fn is_to_run(&self) -> bool {
        let runs = {
            let core = self.core.lock();
            core.machine.state() != State::Init || core.resume_as.is_some()
        };
        runs || self.is_open() && self.parent.serializer().is_busy()
    }

    /// The device is up.
    pub(crate) fn is_open(&self) -> bool {
        self.core.lock().is_open
    }

    /// The device is set up: its parent listens for it. It runs once it has joined its parent's
    /// snapshot. Fails for want of memory; [`Vhost::stop_listening`] then is called all the same.
    pub(crate) fn open(&self, rtnl: &Rtnl<'_>) -> Result {
        let addresses = self.core.lock().addresses.v6.len();
        let room = Groups::room(addresses)?;
        if let Some(device) = self.device.get_rtnl(rtnl) {
            self.put_in_table(rtnl, &Addresses::of(rtnl, device)?)?;
        }
        self.core.lock().is_open = true;
        self.listen(rtnl, room)
    }

    /// The device has been set down, or could not be set up.
    pub(crate) fn stop_listening(&self, rtnl: &Rtnl<'_>) {
        self.core.lock().is_open = false;
        // What of it remains if out of memory is not found.
        let _ = self.put_in_table(rtnl, &Addresses::default());
        // Leaving takes no memory.
        let _ = self.listen(rtnl, Groups::default());
    }

    /// These are its addresses for the data path.
    fn put_in_table(&self, rtnl: &Rtnl<'_>, addresses: &Addresses) -> Result {
        let Addresses { v4, v6, .. } = addresses;
        table::set(rtnl, &self.device, self.parent_device(), v4, v6)
    }

    /// Has the parent listen to what its addresses are asked for in, while the device is up.
    /// Fails if there was no memory for some of it.
    fn listen(&self, rtnl: &Rtnl<'_>, mut groups: Groups) -> Result {
        {
            let core = self.core.lock();
            if core.is_open {
                groups.follow(&core.addresses);
            }
        }
        // The new ones first: what is in both is not left and joined again.
        let outcome = groups.join(rtnl, self.parent_device());
        let old = core::mem::replace(&mut self.core.lock().groups, groups);
        old.leave(rtnl, self.parent_device());
        outcome
    }

    /// A parent whose MTU is too small has no IPv6, and forgets what it listens to.
    pub(crate) fn forget_lost_groups(&self, rtnl: &Rtnl<'_>) {
        if !inet6::is_there(rtnl, self.parent_device()) {
            let lost = core::mem::take(&mut self.core.lock().groups);
            drop(lost);
        }
    }

    /// It is in the parent's snapshot.
    pub(crate) fn joined(&self, rtnl: &Rtnl<'_>) {
        self.core.lock().has_joined = true;
        let _ = self.parent.may_be_deaf();
        self.start_or_stop(rtnl);
    }

    /// The device is set down, and about to leave the snapshot. Says so to the peers. Context: any
    /// but hard interrupts.
    pub(crate) fn close(&self) {
        self.release();
        self.step(|core, now_ns| {
            core.is_open = false;
            core.has_joined = false;
            core.stop(now_ns, Reason::DeviceDown)
        });
        // An operation that waits for it to come to rest need not any more.
        self.parent.serializer().wake();
    }

    /// The device will be set down, or the host will. It is open until then, for it is still in the
    /// snapshot. Context: any but hard interrupts.
    pub(crate) fn say_goodbye(&self) {
        self.step(|core, now_ns| {
            core.has_joined = false;
            core.stop(now_ns, Reason::DeviceDown)
        });
    }

    /// Runs if everything that it takes is there, and not otherwise.
    pub(crate) fn start_or_stop(&self, _rtnl: &Rtnl<'_>) {
        let parent_works = self.parent.works();
        self.step(|core, now_ns| {
            if !core.has_joined {
                core.stop(now_ns, Reason::DeviceDown)
            } else if !parent_works {
                core.stop(now_ns, Reason::ParentDown)
            } else if core.addresses.is_empty() {
                core.stop(now_ns, Reason::NoAddress)
            } else if core.resume_as.take() == Some(State::Master) {
                core.machine.event(now_ns, Event::Resume)
            } else {
                core.machine.event(now_ns, Event::Start)
            }
        });
    }

    /// Comes to rest: from now on neither an advert nor the timer gets in. What it was is kept.
    pub(crate) fn go_down(&self) {
        self.users.close();
        self.step(|core, now_ns| {
            core.resume_as = Some(core.machine.state());
            core.machine.event(now_ns, Event::Stop(Reason::AtRest))
        });
    }

    /// Comes to rest for good: its peers need not wait for it.
    pub(crate) fn retire(&self) {
        self.users.close();
        self.step(|core, now_ns| {
            core.resume_as = Some(State::Backup);
            core.machine.event(now_ns, Event::Stop(Reason::DeviceDown))
        });
    }

    /// Has another vhid from now on, and another virtual MAC address. At rest, or not open.
    pub(crate) fn renumber(&self, rtnl: &Rtnl<'_>, vhid: u8) {
        self.vhid.store(Byte(vhid), Release);
        self.unclaim(vhid);
        self.step(|core, now_ns| {
            let config = Config {
                vhid,
                ..*core.machine.config()
            };
            core.machine.event(now_ns, Event::Configure(config))
        });
        self.sign_anew();
        if let Some(device) = self.device.get_rtnl(rtnl) {
            device.change_address(rtnl, &self.mac());
        }
    }

    /// The parent is about to be set down: says so to the peers as long as it can.
    pub(crate) fn parent_goes_down(&self) {
        self.step(|core, now_ns| core.stop(now_ns, Reason::ParentDown));
    }

    /// The wire below the parent has changed.
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

    /// How many are inside just now.
    pub(crate) fn users(&self) -> u32 {
        self.users.count()
    }

    /// For tests: somebody stays inside until [`Vhost::release`], or until the device goes down.
    /// Fails if nobody gets in.
    pub(crate) fn hold(&self) -> Result {
        let inside = self.enter().ok_or(EBUSY)?;
        // Who releases finds it held only when somebody is inside.
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

    /// What it fails over together with.
    pub(crate) fn group(&self) -> GroupName {
        self.core.lock().group
    }

    pub(crate) fn set_group(&self, group: GroupName) {
        self.core.lock().group = group;
    }

    /// Something that it fails over together with does not work; or everything does.
    pub(crate) fn set_group_down(&self, down: bool) {
        self.step(|core, now_ns| core.machine.event(now_ns, Event::GroupDown(down)));
    }

    fn enter(&self) -> Option<Inside<'_>> {
        self.users.enter().then(|| Inside(self))
    }

    /// Changes the settings, and the key if there is a new one.
    pub(crate) fn configure(&self, settings: &mut Settings) {
        if let Some(group) = settings.group {
            self.core.lock().group = group;
        }
        if let Some(key) = settings.key.take() {
            self.core.lock().key = key;
            self.sign_anew();
        }
        self.step(|core, now_ns| {
            if settings.changes.strict.is_some() {
                core.told_counter = false;
            }
            let config = settings.changes.apply(core.machine.config());
            core.machine.event(now_ns, Event::Configure(config))
        });
    }

    /// Becomes what is asked for, if it can.
    pub(crate) fn request(&self, state: State) {
        self.step(|core, now_ns| core.machine.event(now_ns, Event::Request(state)));
    }

    /// Has adverts signed with the key and for the vhid as they are now. The list of addresses can
    /// be long, so it is hashed without the lock; nobody else changes or reads it, for that takes
    /// RTNL.
    fn sign_anew(&self) {
        let (digest, mut addresses) = {
            let mut core = self.core.lock();
            (core.digest(), core::mem::take(&mut core.addresses))
        };
        let digest = digest.of(&mut addresses);
        let mut core = self.core.lock();
        core.addresses = addresses;
        core.signatures.reset(digest);
    }

    /// The list of addresses of its device has changed, and cannot be read here. Any context.
    pub(crate) fn addresses_changed(self: ArcBorrow<'_, Self>) {
        self.addresses_changed.store(true, Release);
        queue::enqueue(self.into());
    }

    /// Has the virtual addresses become those of the device. Fails for want of memory, and then
    /// does it later.
    pub(crate) fn read_addresses(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result {
        self.addresses_changed.store(false, Release);
        let Some(device) = self.device.get_rtnl(rtnl) else {
            return Ok(());
        };
        let read = || {
            let list = Addresses::of(rtnl, device)?;
            if self.is_open() {
                self.put_in_table(rtnl, &list)?;
            }
            self.parent
                .submit_request(rtnl, Kind::Addresses(self.into(), list));
            Ok(())
        };
        read().inspect_err(|_| self.read_addresses_later())
    }

    /// There is no memory to follow the addresses of its device.
    fn read_addresses_later(self: ArcBorrow<'_, Self>) {
        self.lacks_memory.store(true, Release);
        self.addresses_changed();
    }

    /// As [`Vhost::read_addresses`], if that has been put off until now.
    pub(crate) fn catch_up(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result {
        if self.addresses_changed.load(Acquire) {
            self.read_addresses(rtnl)?;
        }
        Ok(())
    }

    /// The virtual addresses are these.
    pub(crate) fn set_addresses(
        self: ArcBorrow<'_, Self>,
        rtnl: &Rtnl<'_>,
        mut addresses: Addresses,
    ) {
        let room = addresses.take_room();
        let unhashed = self.core.lock().digest();
        let new = unhashed.of(&mut addresses);
        let (old, announces) = {
            let mut core = self.core.lock();
            core.families.follow(&addresses);
            let old = core::mem::replace(&mut core.addresses, addresses);
            let state = core.machine.state();
            if state == State::Init {
                core.signatures.reset(new);
            } else {
                let grace_s = core.machine.config().grace_s;
                core.signatures.change(clock::now_ns(), new, grace_s);
            }
            (old, state == State::Master && core.outbox.speaks())
        };
        if self.listen(rtnl, room).is_err() {
            self.read_addresses_later();
        }
        self.start_or_stop(rtnl);
        if announces {
            self.announce_all_but(&old);
        }
    }

    /// An advert with this vhid came in on the parent.
    pub(crate) fn advert_received(&self, guard: &Guard, from: Source, advert: &Advert) {
        let Some(_inside) = self.enter() else { return };
        let device = self.device.get(guard);
        let mut news = None;
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
            let Ok(mut actions) = result else {
                return Actions::default();
            };
            // In INIT it may be an old one: nothing is known that it must exceed.
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
    }

    fn timer_expired(&self) {
        let Some(_inside) = self.enter() else { return };
        let may_be_deaf = self.parent.may_be_deaf();
        self.step(|core, now_ns| {
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
            self.0.parent.serializer().wake();
        }
    }
}

impl Core {
    /// At rest it keeps them: nobody else has been told that they are free.
    fn owns_addresses(&self) -> bool {
        let is_master = |state| state == State::Master;
        is_master(self.machine.state()) || self.resume_as.is_some_and(is_master)
    }

    /// It cannot run. If it was at rest, that is not the reason any more.
    fn stop(&mut self, now_ns: u64, reason: Reason) -> Actions {
        if self.resume_as.take().is_some() {
            if let Some(change) = &mut self.last_change {
                change.reason = reason;
            }
        }
        self.machine.event(now_ns, Event::Stop(reason))
    }

    /// A digest with the key and the vhid as they are now.
    fn digest(&self) -> Unhashed {
        Unhashed::new(&self.key, self.machine.config().vhid)
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
