// SPDX-License-Identifier: GPL-2.0
//! Operations: what is done to a group, from start to finish.
//!
//! An operation that brings virtual hosts down has taken all its memory before, and cannot fail
//! after that. Any other step that runs out of memory is repeated as a whole, which does no harm.
//!
//! A step runs under RTNL, in process context. Between steps an operation may wait without RTNL,
//! for a grace period or for virtual hosts to come to rest. No thread waits for the latter.

use super::{
    addresses::Addresses, answers::Answers, carp_device::CarpDevice, carp_if::CarpIf,
    parent::Parent, parents::Parents, renumbering::Renumbering, serializer::Serializer,
    settings::Settings, ties,
};
use crate::{
    proto::machine::State,
    serializer::{
        self, kind,
        operation::{List, NoMemory, Operation as _, Subject},
        queue::Progress,
    },
    sys::{
        clock,
        net_device::{NetDevice, Rtnl},
        rcu::Fresh,
        trace,
    },
    vhost::virtual_host::Vhost,
};
use core::ptr;
use kernel::{prelude::*, sync::Arc};

/// Where an operation comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody who asked for it, and can wait for it with `carp sync`.
    Request,
    /// An event of the parent. Nobody waits for an answer.
    Event,
}

/// What an operation does, with all that it takes.
pub(crate) enum Kind {
    /// A carp device begins to hear what its parent receives.
    Join(Arc<CarpDevice>, Option<Fresh<CarpIf>>),
    /// A carp device has left. The old snapshot is still to be freed.
    Leave,
    /// Settings and key of a carp device.
    Configure(Arc<CarpDevice>, Settings),
    /// A carp device is to be MASTER, or BACKUP.
    State(Arc<CarpDevice>, State),
    /// The vhids of virtual hosts, and with them their virtual MAC addresses.
    Vhid(Renumbering),
    /// The virtual addresses of a carp device.
    Addresses(Arc<CarpDevice>, Addresses),
    /// The parent is up or down, has a carrier or none.
    ParentState,
    /// The parent's MTU or offloads.
    ParentLimits,
    /// The parent has another MAC address.
    ParentAddress,
    /// Which parents fail over together with this one, after a device with a group was set up or
    /// down.
    Ties,
    /// Does nothing: somebody waits until every earlier operation is done.
    Sync(Answers),
}

pub(crate) struct Operation {
    kind: Kind,
    origin: Origin,
    parent: Arc<Parent>,
    asked_ns: u64,
    /// How long the operation waited for its start; 0 before.
    queued_ns: u64,
    /// The parents of its group, if the operation may change groups. Empty if not, and before its
    /// start: then `parent` is the only one.
    group: Parents,
    stage: Stage,
}

/// What the next step is.
enum Stage {
    /// The first step, or none any more.
    First,
    /// Virtual hosts have been brought down to be given other vhids.
    Renumber,
    /// These virtual hosts have been brought down.
    Down(KVec<Arc<Vhost>>),
    /// These virtual hosts have been brought down. Those from this index on have not been brought
    /// up again.
    Up(KVec<Arc<Vhost>>, usize),
}

impl Operation {
    pub(crate) fn request(parent: Arc<Parent>, kind: Kind) -> Self {
        Self::new(parent, kind, Origin::Request)
    }

    pub(crate) fn event(parent: Arc<Parent>, kind: Kind) -> Self {
        Self::new(parent, kind, Origin::Event)
    }

    fn new(parent: Arc<Parent>, kind: Kind, origin: Origin) -> Self {
        Self {
            kind,
            origin,
            parent,
            asked_ns: clock::now_ns(),
            queued_ns: 0,
            group: Parents::default(),
            stage: Stage::First,
        }
    }

    pub(crate) fn parent(&self) -> &Arc<Parent> {
        &self.parent
    }

    /// Calls `event`, a tracepoint, for each parent of its group.
    pub(crate) fn trace(&self, event: impl Fn(&NetDevice, trace::Operation)) {
        event(self.parent.device(), self.summary());
        let is_other = |other: &&Arc<Parent>| !Arc::ptr_eq(other, &self.parent);
        for parent in self.group.list().iter().filter(is_other) {
            event(parent.device(), self.summary());
        }
    }

    /// The operation waits no longer. Calls `event`, a tracepoint.
    fn begin(&mut self, event: impl Fn(&NetDevice, trace::Operation)) {
        self.queued_ns = clock::now_ns().saturating_sub(self.asked_ns);
        self.trace(event);
    }

    /// The serializer of another group that the operation concerns too, if there still is one.
    /// Joining or leaving a group (`group NAME`) concerns both groups.
    pub(crate) fn other_group(&mut self, rtnl: &Rtnl<'_>) -> Result<Option<Arc<Serializer>>> {
        let joins = match &self.kind {
            Kind::Configure(carp, settings) if settings.group.is_some() && carp.is_open() => {
                settings.group
            }
            Kind::Ties => None,
            _ => return Ok(None),
        };
        let other = ties::other_group(rtnl, &self.parent, joins)?;
        if other.is_none() {
            self.group = ties::parents_of_group(rtnl, &self.parent)?;
        }
        Ok(other)
    }

    /// How long ago the operation was submitted.
    pub(super) fn age_ns(&self) -> u64 {
        clock::now_ns().saturating_sub(self.asked_ns)
    }

    pub(crate) fn is_about(&self, parent: &Parent) -> bool {
        core::ptr::eq(&*self.parent, parent)
    }

    /// The carp device that the operation is about, and the virtual host that names the device.
    /// None: the operation is about the parent as a whole.
    fn about(&self) -> Option<(&CarpDevice, &Vhost)> {
        match &self.kind {
            Kind::Join(carp, _)
            | Kind::Configure(carp, _)
            | Kind::State(carp, _)
            | Kind::Addresses(carp, _) => Some((carp, carp.first())),
            // A waiting operation is about one virtual host.
            Kind::Vhid(renumbering) => renumbering.first(),
            Kind::Leave
            | Kind::ParentState
            | Kind::ParentLimits
            | Kind::ParentAddress
            | Kind::Ties
            | Kind::Sync(_) => None,
        }
    }

    pub(crate) fn is_about_device(&self, carp: &CarpDevice) -> bool {
        self.about()
            .is_some_and(|(subject, _)| core::ptr::eq(subject, carp))
    }

    /// The operation has `carp` begin to hear what its parent receives.
    pub(super) fn is_join_of(&self, carp: &CarpDevice) -> bool {
        matches!(self.kind, Kind::Join(..)) && self.is_about_device(carp)
    }

    /// The subject of an operation that is about `parent` as a whole.
    pub(super) fn whole(parent: &Arc<Parent>) -> Subject {
        Subject {
            parent: Arc::as_ptr(parent).addr(),
            vhost: None,
        }
    }

    /// Another answer can wait for this operation.
    pub(super) fn has_room_to_sync(&self) -> bool {
        match &self.kind {
            Kind::Sync(answers) => answers.has_room(),
            _ => true,
        }
    }

    /// Runs the operation as a part of the current one.
    pub(crate) fn fold(&mut self, rtnl: &Rtnl<'_>) {
        self.begin(trace::op_fold);
        let _ = self.first_step(rtnl);
    }

    /// Drops the operation: gives back what it has taken outside of itself, and answers whoever
    /// waits for it.
    pub(crate) fn abandon(self, rtnl: &Rtnl<'_>) {
        match self.kind {
            Kind::Vhid(renumbering) => renumbering.forget(rtnl),
            Kind::Sync(mut answers) => answers.done(self.parent.device().namespace(rtnl)),
            _ => (),
        }
    }

    /// Runs the first step.
    pub(crate) fn start(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        self.begin(trace::op_start);
        self.first_step(rtnl)
    }

    /// Runs the step that [`Progress`] announced.
    pub(crate) fn step(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        match core::mem::replace(&mut self.stage, Stage::First) {
            Stage::First => self.first_step(rtnl),
            Stage::Renumber => {
                if let Kind::Vhid(renumbering) = &mut self.kind {
                    renumbering.finish(rtnl, &self.parent);
                }
                Progress::Reclaim
            }
            Stage::Down(vhosts) => {
                self.parent.take_address(rtnl, &vhosts);
                self.parent.republish();
                self.stage = Stage::Up(vhosts, 0);
                Progress::Again
            }
            Stage::Up(vhosts, next) => match vhosts.get(next) {
                Some(vhost) => {
                    vhost.come_up(rtnl);
                    self.stage = Stage::Up(vhosts, next.saturating_add(1));
                    Progress::Again
                }
                None => Progress::Finished,
            },
        }
    }

    fn first_step(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        match &mut self.kind {
            Kind::Join(carp, fresh) => {
                if let Some(fresh) = fresh.take().filter(|_| carp.is_open()) {
                    carp.as_arc_borrow().take_addresses(rtnl);
                    self.parent
                        .replace(fresh, |carp_if| carp_if.insert_all(carp));
                    carp.joined(rtnl);
                    ties::share_fate_of(rtnl, carp);
                }
            }
            Kind::Vhid(renumbering) => {
                if renumbering.begin(rtnl, &self.parent) {
                    self.stage = Stage::Renumber;
                    return Progress::Quiesce;
                }
            }
            Kind::State(carp, state) => carp.request(*state),
            Kind::Configure(carp, settings) => {
                carp.configure(settings);
                if settings.group.is_some() && self.tie(rtnl).is_err() {
                    return Progress::NoMemory;
                }
            }
            Kind::Addresses(carp, list) => {
                let list = core::mem::take(list);
                carp.as_arc_borrow().set_addresses(rtnl, list);
            }
            Kind::ParentState => {
                self.parent.state_changed(rtnl);
                if self.parent.share_fate(rtnl).is_err() {
                    return Progress::NoMemory;
                }
            }
            Kind::Ties => {
                if self.tie(rtnl).is_err() {
                    return Progress::NoMemory;
                }
            }
            Kind::ParentLimits => self.parent.limits_changed(rtnl),
            Kind::ParentAddress => return self.bring_down(rtnl),
            Kind::Sync(answers) => answers.done(self.parent.device().namespace(rtnl)),
            Kind::Leave => (),
        }
        if self.parent.has_retired() {
            Progress::Reclaim
        } else {
            Progress::Finished
        }
    }

    fn tie(&self, rtnl: &Rtnl<'_>) -> Result {
        ties::separate(rtnl, &self.parent)?;
        self.parent.share_fate(rtnl)
    }

    /// Brings down all virtual hosts that run, and remembers them.
    fn bring_down(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        let Ok(vhosts) = self.parent.running() else {
            return Progress::NoMemory;
        };
        if vhosts.is_empty() {
            self.parent.take_address(rtnl, &vhosts);
            return Progress::Finished;
        }
        let Ok(resting) = CarpIf::new().and_then(Fresh::new) else {
            return Progress::NoMemory;
        };
        for vhost in &vhosts {
            vhost.go_down();
        }
        self.parent.unpublish(resting);
        self.stage = Stage::Down(vhosts);
        Progress::Quiesce
    }
}

impl serializer::operation::Operation for Operation {
    type Summary = trace::Operation;
    type List = KVec<Self>;

    fn summary(&self) -> trace::Operation {
        trace::Operation {
            kind: self.kind().name(),
            origin: match self.origin {
                Origin::Request => c"request",
                Origin::Event => c"event",
            },
            vhid: self.about().map_or(0, |(_, vhost)| vhost.vhid()),
            queued_ns: self.queued_ns,
        }
    }

    fn kind(&self) -> kind::Kind {
        match &self.kind {
            Kind::Join(..) => kind::Kind::Join,
            Kind::Leave => kind::Kind::Leave,
            Kind::Configure(..) => kind::Kind::Configure,
            Kind::State(..) => kind::Kind::State,
            Kind::Vhid(_) => kind::Kind::Vhid,
            Kind::Addresses(..) => kind::Kind::Addresses,
            Kind::ParentState => kind::Kind::ParentState,
            Kind::ParentLimits => kind::Kind::ParentLimits,
            Kind::ParentAddress => kind::Kind::ParentAddress,
            Kind::Ties => kind::Kind::Ties,
            Kind::Sync(_) => kind::Kind::Sync,
        }
    }

    fn subject(&self) -> Subject {
        Subject {
            vhost: self.about().map(|(_, vhost)| ptr::from_ref(vhost).addr()),
            ..Self::whole(&self.parent)
        }
    }

    fn regroups(&self) -> bool {
        match &self.kind {
            Kind::Configure(_, settings) => settings.group.is_some(),
            Kind::Ties => true,
            _ => false,
        }
    }

    fn absorb(&mut self, mut newer: Self) -> Self {
        match (&mut self.kind, &mut newer.kind) {
            (Kind::Configure(_, settings), Kind::Configure(_, newer)) => settings.merge(newer),
            (Kind::Sync(answers), Kind::Sync(newer)) => answers.append(newer),
            (kind, newer) => core::mem::swap(kind, newer),
        }
        newer
    }

    fn make_room_along(&mut self, others: usize) -> Result<(), NoMemory> {
        match &mut self.kind {
            Kind::Vhid(renumbering) if others > 0 => {
                renumbering.make_room(others).or(Err(NoMemory))
            }
            _ => Ok(()),
        }
    }

    fn take_along(&mut self, mut other: Self) {
        other.begin(trace::op_fold);
        if let (Kind::Vhid(renumbering), Kind::Vhid(other)) = (&mut self.kind, other.kind) {
            renumbering.take_along(other);
        }
    }

    /// Skips virtual hosts whose device has been set down since they were brought down.
    fn is_at_rest(&self) -> bool {
        match &self.stage {
            Stage::Down(vhosts) => vhosts
                .iter()
                .all(|vhost| vhost.is_at_rest() || !vhost.is_open()),
            Stage::Renumber => match &self.kind {
                Kind::Vhid(renumbering) => renumbering.is_at_rest(),
                _ => true,
            },
            Stage::First | Stage::Up(..) => true,
        }
    }

    fn has_retired(&self) -> bool {
        self.parent.has_retired()
    }
}

impl<T> List<T> for KVec<T> {
    fn reserve(&mut self, more: usize) -> Result<(), NoMemory> {
        KVec::reserve(self, more, GFP_KERNEL_ACCOUNT).or(Err(NoMemory))
    }

    fn push(&mut self, operation: T) -> Result<(), T> {
        self.push_within_capacity(operation)
            .map_err(|refused| refused.0)
    }

    fn remove(&mut self, index: usize) -> Option<T> {
        KVec::remove(self, index).ok()
    }
}

impl From<NoMemory> for Error {
    fn from(_: NoMemory) -> Self {
        ENOMEM
    }
}
