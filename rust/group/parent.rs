// SPDX-License-Identifier: GPL-2.0
//! A parent: the device that carp devices stand on.
//!
//! A parent publishes the snapshot of its running virtual hosts. Its hooks are registered while it
//! has members. All changes of the snapshot are made under RTNL, and so come one after the other.
//! The lock `writer` says the same to the compiler. The debugfs file and the work item take it too,
//! without RTNL.

use super::{
    carp_device::CarpDevice,
    carp_if::CarpIf,
    home::Home,
    inspect::{inspector, Inspector},
    operation::{Kind, Operation},
    statistics::ParentCounters,
    ties,
};
use crate::{
    sys::{
        clock::RateLimit,
        hook::FrameHooks,
        link,
        lock::{mutex, spin_lock_bh, Mutex, SpinLockBh},
        log,
        net_device::{DeviceRef, Mac, NetDevice, Rtnl},
        queue::{self, impl_work, work, Job, Work},
        rcu::{Fresh, RcuPointer, RetiredList},
        trace,
    },
    vhost::{lower::Lower, virtual_host::Vhost},
};
use kernel::{
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        rcu::Guard,
        Arc, ArcBorrow,
    },
};

/// Router solicitations are passed on at most once in this time. A host waits four seconds before
/// it solicits routers again. A router answers all hosts together, within half a second (RFC 4861,
/// 6.2.6 and 6.3.7).
const SOLICITATIONS_NS: u64 = 100_000_000;

#[pin_data(PinnedDrop)]
pub(crate) struct Parent {
    device: DeviceRef,
    #[pin]
    pub(super) home: SpinLockBh<Home>,
    carp_if: RcuPointer<CarpIf>,
    retired: RetiredList<CarpIf>,
    pub(crate) counters: ParentCounters,
    /// For router solicitations that are passed on.
    pub(crate) solicitations: RateLimit,
    /// The hooks see packets that tc redirects, too. Written under `writer`.
    sees_redirected: Atomic<bool>,
    #[pin]
    writer: Mutex<Writer>,
    #[pin]
    work: Work<Parent>,
}

impl_work!(Parent, work);

impl Job for Parent {
    /// Has the hooks see what tc redirects, while tc looks at what comes in. If out of memory, the
    /// next call of [`Lower::may_be_deaf`] has it tried again.
    fn run(this: Arc<Self>) {
        let mut writer = this.writer.lock();
        let Some(Presence { hooks, .. }) = &mut writer.presence else {
            return;
        };
        let redirects = this.device.has_tc_ingress();
        let sees = redirects && hooks.see_redirected(&this.device).is_ok();
        let removed = (!redirects).then(|| hooks.ignore_redirected());
        this.sees_redirected.store(sees, Release);
        drop(writer);
        // Waits for a grace period. Nobody else has to wait for it.
        drop(removed);
    }
}

/// What only a change of the snapshot needs.
struct Writer {
    /// In place while there are members.
    presence: Option<Presence>,
    /// The carp devices that have joined, or are about to.
    members: KVec<Arc<CarpDevice>>,
    /// One for each member: to leave takes a snapshot without the member, and must not fail. Nobody
    /// could be told that there is no memory to delete a device.
    spares: KVec<Fresh<CarpIf>>,
    /// While the members are at rest: the snapshot that will be published when they come up.
    resting: Option<Fresh<CarpIf>>,
    generation: u64,
}

/// The hooks and the debugfs file of a parent, while it has members. Both have a reference to the
/// parent, and are dropped after its last member.
struct Presence {
    hooks: FrameHooks<Parent>,
    inspector: Option<Inspector>,
}

impl Parent {
    pub(crate) fn new(device: &NetDevice) -> Result<Arc<Self>> {
        let device = DeviceRef::new(device);
        let home = Home::new()?;
        Arc::pin_init(
            pin_init!(Self {
                device,
                home <- spin_lock_bh!(home, c"carp group"),
                carp_if: RcuPointer::empty(),
                retired: RetiredList::new(),
                counters: ParentCounters::new(),
                solicitations: RateLimit::new(SOLICITATIONS_NS),
                sees_redirected: Atomic::new(false),
                writer <- mutex!(
                    Writer {
                        presence: None,
                        members: KVec::new(),
                        spares: KVec::new(),
                        resting: None,
                        generation: 0,
                    },
                    "carp parent"
                ),
                work <- work!("carp parent"),
            }),
            GFP_KERNEL_ACCOUNT,
        )
    }

    pub(crate) fn device(&self) -> &NetDevice {
        &self.device
    }

    /// The snapshot of the running virtual hosts. Load it once a path, and use only what was
    /// loaded.
    pub(crate) fn carp_if<'a>(&'a self, guard: &'a Guard) -> Option<&'a CarpIf> {
        self.carp_if.read(guard)
    }

    /// Submits an operation that somebody asked for.
    pub(crate) fn submit_request(self: &Arc<Self>, rtnl: &Rtnl<'_>, kind: Kind) {
        let operation = Operation::request(self.clone(), kind);
        self.serializer().submit(rtnl, operation);
    }

    /// Submits an operation for an event.
    pub(crate) fn submit_event(self: &Arc<Self>, rtnl: &Rtnl<'_>, kind: Kind) {
        let operation = Operation::event(self.clone(), kind);
        self.serializer().submit(rtnl, operation);
    }

    /// Takes the memory for joining and for leaving again, and registers the hooks for the first
    /// member. If it fails, it takes nothing.
    pub(crate) fn prepare_to_join(
        self: &Arc<Self>,
        rtnl: &Rtnl<'_>,
        carp: Arc<CarpDevice>,
    ) -> Result<Fresh<CarpIf>> {
        let fresh = Fresh::new(CarpIf::new()?)?;
        let spare = Fresh::new(CarpIf::new()?)?;
        let mut writer = self.writer.lock();
        writer.spares.reserve(1, GFP_KERNEL_ACCOUNT)?;
        writer.members.reserve(1, GFP_KERNEL_ACCOUNT)?;
        if writer.presence.is_none() {
            writer.presence = Some(Presence {
                hooks: FrameHooks::new(rtnl, self.device(), self.clone())?,
                inspector: inspector(self),
            });
        }
        writer.spares.push_within_capacity(spare).or(Err(ENOMEM))?;
        writer.members.push_within_capacity(carp).or(Err(ENOMEM))?;
        Ok(fresh)
    }

    /// Publishes `fresh`: a copy of the current snapshot, with this change.
    pub(crate) fn replace(&self, mut fresh: Fresh<CarpIf>, change: impl FnOnce(&mut CarpIf)) {
        let mut writer = self.writer.lock();
        fresh.copy(self.carp_if.read(&Guard::new()));
        change(&mut fresh);
        let fresh = (!fresh.is_empty()).then_some(fresh);
        self.publish(&mut writer, fresh);
    }

    /// Publishes a snapshot without the virtual hosts of `carp`, which had prepared to join. If
    /// `carp` was the last member, ends the presence and returns true. This does not wait for its
    /// turn, since the device may be about to be deleted.
    pub(crate) fn leave(self: &Arc<Self>, rtnl: &Rtnl<'_>, carp: &CarpDevice) -> bool {
        let serializer = self.serializer();
        let had_joined = !serializer.forget(rtnl, |waiting| waiting.is_join_of(carp));
        let presence = {
            let mut writer = self.writer.lock();
            let is_it = |member: &Arc<CarpDevice>| core::ptr::eq(&**member, carp);
            if let Some(index) = writer.members.iter().position(is_it) {
                // Not the last reference: its device has one.
                let _ = writer.members.remove(index);
            }
            let spare = writer.spares.pop();
            if let Some(resting) = &mut writer.resting {
                resting.remove_all(carp);
            } else if self.has_any(carp) {
                let fresh = spare.and_then(|mut fresh| {
                    fresh.copy(self.carp_if.read(&Guard::new()));
                    fresh.remove_all(carp);
                    (!fresh.is_empty()).then_some(fresh)
                });
                self.publish(&mut writer, fresh);
            }
            if writer.members.is_empty() {
                self.sees_redirected.store(false, Release);
                writer.presence.take()
            } else {
                None
            }
        };
        let Some(presence) = presence else {
            if had_joined {
                self.submit_event(rtnl, Kind::Leave);
            }
            return false;
        };
        self.at_once(rtnl, c"leave", || {
            drop(presence.inspector);
            let freed = presence.hooks.remove(self.retired.take());
            if freed > 0 {
                trace::carp_if_free(self.device(), freed);
            }
        });
        true
    }

    /// The parent is about to be deleted, or to leave its namespace. `delete` deletes the devices
    /// on it.
    pub(crate) fn unregister(&self, rtnl: &Rtnl<'_>, delete: impl FnOnce()) {
        self.at_once(rtnl, c"parent-gone", delete);
    }

    /// Runs `f` as an operation that cannot wait for its turn.
    fn at_once(&self, rtnl: &Rtnl<'_>, kind: &'static CStr, f: impl FnOnce()) {
        let subject = trace::Operation {
            kind,
            origin: c"event",
            vhid: 0,
            queued_ns: 0,
        };
        self.serializer().at_once(rtnl, self.device(), subject, f);
    }

    /// `carp`, which has left, is deleted. Drops the waiting operations about `carp`. If no carp
    /// device is left on the parent, drops all that wait about the parent: they have references to
    /// it.
    pub(crate) fn forget(&self, rtnl: &Rtnl<'_>, carp: &CarpDevice) {
        let left = self
            .device()
            .find_upper(rtnl, |upper| link::of::<CarpDevice>(upper).map(|_| ()));
        self.serializer().forget(rtnl, |waiting| {
            waiting.is_about(self) && (left.is_none() || waiting.is_about_device(carp))
        });
    }

    /// The hooks see packets that tc redirects, too.
    pub(super) fn sees_redirected(&self) -> bool {
        self.sees_redirected.load(Acquire)
    }

    /// tc seems to redirect nothing any more. Has the work item check that. Any context.
    pub(crate) fn redirects_no_more(self: ArcBorrow<'_, Self>) {
        if self.sees_redirected.load(Acquire) {
            queue::enqueue::<Self>(self.into());
        }
    }

    fn has_any(&self, carp: &CarpDevice) -> bool {
        let guard = Guard::new();
        self.carp_if(&guard).is_some_and(|carp_if| {
            carp.vhosts()
                .any(|vhost| carp_if.get(vhost.vhid()).is_some())
        })
    }

    /// The virtual hosts that run, as references that outlive a guard.
    pub(crate) fn running(&self) -> Result<KVec<Arc<Vhost>>> {
        let mut vhosts = KVec::with_capacity(CarpIf::CONTAINERS, GFP_KERNEL_ACCOUNT)?;
        let guard = Guard::new();
        for vhost in self.carp_if(&guard).into_iter().flat_map(CarpIf::iter) {
            vhosts.push_within_capacity(vhost.clone()).or(Err(ENOMEM))?;
        }
        Ok(vhosts)
    }

    /// The carp devices whose virtual hosts run, are at rest or are about to run.
    pub(crate) fn members(&self) -> Result<KVec<Arc<CarpDevice>>> {
        let mut members = KVec::with_capacity(CarpIf::CONTAINERS, GFP_KERNEL_ACCOUNT)?;
        for carp in &self.writer.lock().members {
            members.push_within_capacity(carp.clone()).or(Err(ENOMEM))?;
        }
        Ok(members)
    }

    /// The parent has another name.
    pub(crate) fn renamed(self: &Arc<Self>, _rtnl: &Rtnl<'_>) {
        // Without the lock: removing the file waits for its readers, which take the lock.
        let old = match &mut self.writer.lock().presence {
            Some(presence) => presence.inspector.take(),
            None => return,
        };
        drop(old);
        let new = inspector(self);
        if let Some(presence) = &mut self.writer.lock().presence {
            presence.inspector = new;
        }
    }

    /// Publishes an empty snapshot, and keeps the current one in `resting`.
    pub(crate) fn unpublish(&self, mut resting: Fresh<CarpIf>) {
        let mut writer = self.writer.lock();
        resting.copy(self.carp_if.read(&Guard::new()));
        writer.resting = Some(resting);
        self.publish(&mut writer, None);
    }

    /// Publishes the snapshot that [`Parent::unpublish`] has kept.
    pub(crate) fn republish(&self) {
        let mut writer = self.writer.lock();
        if let Some(resting) = writer.resting.take().filter(|resting| !resting.is_empty()) {
            self.publish(&mut writer, Some(resting));
        }
    }

    fn publish(&self, writer: &mut Writer, fresh: Option<Fresh<CarpIf>>) {
        writer.generation = writer.generation.wrapping_add(1);
        let vhosts = fresh.as_ref().map_or(0, |fresh| fresh.len());
        self.carp_if.publish(fresh, &self.retired);
        trace::carp_if_swap(self.device(), writer.generation, vhosts);
    }

    pub(crate) fn has_retired(&self) -> bool {
        !self.retired.is_empty()
    }

    /// Frees replaced snapshots after a grace period, and returns how many. Sleeps, without RTNL.
    pub(crate) fn reclaim(&self) -> usize {
        let freed = self.retired.reclaim();
        if freed > 0 {
            trace::carp_if_free(self.device(), freed);
        }
        freed
    }

    /// How many snapshots were published, and whether the members are at rest.
    pub(crate) fn generation(&self) -> (u64, bool) {
        let writer = self.writer.lock();
        (writer.generation, writer.resting.is_some())
    }

    /// The parent is up or down, has a carrier or none.
    pub(crate) fn state_changed(&self, rtnl: &Rtnl<'_>) {
        self.for_each_vhost(rtnl, |vhost| vhost.start_or_stop(rtnl));
    }

    /// The parent is about to be set down. Each MASTER on it leaves while it can say so.
    pub(crate) fn going_down(&self, rtnl: &Rtnl<'_>) {
        self.for_each_vhost(rtnl, Vhost::parent_going_down);
    }

    /// The link below has changed. The neighbours may still look for the MASTERs on the parent in
    /// the old place.
    pub(crate) fn notify_peers(&self, rtnl: &Rtnl<'_>) {
        self.for_each_vhost(rtnl, Vhost::notify_peers);
    }

    /// Recomputes which devices of the namespace are demoted because a parent of their group does
    /// not work.
    pub(crate) fn share_fate(&self, rtnl: &Rtnl<'_>) -> Result {
        ties::share_fate(rtnl, self.device().namespace(rtnl))
    }

    /// The parent's MTU or offloads have changed: the devices on it follow.
    pub(crate) fn limits_changed(&self, rtnl: &Rtnl<'_>) {
        self.for_each_upper(rtnl, |upper, carp| {
            upper.inherit_limits(rtnl, self.device());
            carp.forget_lost_groups(rtnl);
            let mtu = self.device().mtu();
            if upper.mtu() > mtu && upper.set_mtu(rtnl, mtu).is_err() {
                log::warn(upper, fmt!("the MTU of its parent, {mtu}, cannot be set"));
            }
        });
    }

    /// The parent has another MAC address, and `vhosts` are at rest. The driver may have set up its
    /// filters anew. Adding and removing each address once makes the driver look at its list again.
    /// The addresses are on that list already, and only a count changes there, so this takes no
    /// memory.
    pub(crate) fn take_address(&self, rtnl: &Rtnl<'_>, vhosts: &[Arc<Vhost>]) {
        for vhost in vhosts.iter().filter(|vhost| vhost.is_open()) {
            if self.device().accept_unicast(rtnl, &vhost.mac()).is_ok() {
                self.device().drop_unicast(rtnl, &vhost.mac());
            }
        }
        trace::parent_address(self.device());
    }

    /// Calls `f` with each MAC address that the parent lets in for its carp devices, as often as it
    /// was added, until `f` fails.
    pub(crate) fn for_each_mac(
        &self,
        rtnl: &Rtnl<'_>,
        f: &mut dyn FnMut(&Mac) -> Result,
    ) -> Result {
        let failed = self.device().find_upper(rtnl, |upper| {
            link::of::<CarpDevice>(upper)?.for_each_mac(rtnl, f).err()
        });
        failed.map_or(Ok(()), Err)
    }

    fn for_each_upper(&self, rtnl: &Rtnl<'_>, mut f: impl FnMut(&NetDevice, &CarpDevice)) {
        self.device().find_upper(rtnl, |upper| {
            if let Some(carp) = link::of::<CarpDevice>(upper) {
                f(upper, &carp);
            }
            None::<()>
        });
    }

    fn for_each_vhost(&self, rtnl: &Rtnl<'_>, f: impl Fn(&Vhost)) {
        self.for_each_upper(rtnl, |_, carp| carp.vhosts().for_each(|vhost| f(vhost)));
    }
}

impl Lower for Parent {
    fn device(&self) -> &NetDevice {
        self.device()
    }

    fn works(&self) -> bool {
        self.device.is_up() && self.device.has_carrier()
    }

    /// True: tc may redirect what comes in past the hook, and nothing sees that yet. Has the work
    /// item change that.
    fn may_be_deaf(self: ArcBorrow<'_, Self>) -> bool {
        let may_be = self.device.has_tc_ingress() && !self.sees_redirected();
        if may_be {
            queue::enqueue::<Self>(self.into());
        }
        may_be
    }

    fn wake(&self) {
        self.serializer().wake();
    }
}

#[pinned_drop]
impl PinnedDrop for Parent {
    fn drop(self: Pin<&mut Self>) {
        self.release(self.census());
    }
}
