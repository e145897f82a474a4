// SPDX-License-Identifier: GPL-2.0
//! Operations: what is done to a group, from start to finish.
//!
//! All memory that an operation takes it takes before its first step that changes anything; behind
//! that nothing can fail. A step runs under RTNL, in process context. Between steps an operation
//! may wait for a grace period and for virtual hosts to come to rest, without RTNL and without a
//! thread.

use super::{
    addresses::Addresses, answers::Answers, carp_if::CarpIf, parent::Parent, parents::Parents,
    renumbering::Renumbering, serializer::Serializer, status::Settings, ties, vhost::Vhost,
    waiting::Repeated,
};
use crate::{
    proto::machine::State,
    sys::{
        clock,
        net_device::{NetDevice, Rtnl},
        rcu::Fresh,
        trace,
    },
};
use kernel::{prelude::*, sync::Arc};

/// Who wants it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// Somebody who asked for it, and can wait for it with `carp sync`.
    Request,
    /// The world below; nobody waits for an answer.
    Event,
}

/// What is done.
pub(crate) enum Kind {
    /// A virtual host begins to hear what its parent receives.
    Join(Arc<Vhost>, Option<Fresh<CarpIf>>),
    /// It has stopped to; what is left is to free the old snapshot.
    Leave,
    /// Settings and key of a virtual host.
    Configure(Arc<Vhost>, Settings),
    /// A virtual host is to be MASTER, or BACKUP.
    State(Arc<Vhost>, State),
    /// The vhids of virtual hosts, and with them their virtual MAC addresses.
    Vhid(Renumbering),
    /// The virtual addresses of a virtual host.
    Addresses(Arc<Vhost>, Addresses),
    /// The parent is up or down, has a carrier or none.
    ParentState,
    /// The parent's MTU or offloads.
    ParentLimits,
    /// The parent has another MAC address.
    ParentAddress,
    /// Who is tied to the parent, since devices with a group were set up or down.
    Ties,
    /// Nothing: somebody waits until everything before it is done.
    Sync(Answers),
}

pub(crate) struct Operation {
    kind: Kind,
    origin: Origin,
    parent: Arc<Parent>,
    asked_ns: u64,
    /// Until its start; 0 before.
    queued_ns: u64,
    /// The parents of the groups that it is an operation of, its own among them; none if that is the
    /// only one.
    group: Parents,
    stage: Stage,
}

enum Stage {
    /// Nothing has been changed yet.
    Fresh,
    /// Only what was replaced has to be freed.
    Reclaim,
    /// Virtual hosts have been brought down to be given other vhids.
    Renumber,
    /// These virtual hosts have been brought down.
    Down(KVec<Arc<Vhost>>),
    /// And those from this index on have not been brought up again.
    Up(KVec<Arc<Vhost>>, usize),
}

/// What comes next.
pub(crate) enum Progress {
    Finished,
    /// Another step.
    Again,
    /// Another step, behind a grace period and with the operation's virtual hosts at rest.
    Quiesce,
    /// The same step, when there is memory.
    NoMemory,
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
            stage: Stage::Fresh,
        }
    }

    pub(crate) fn parent(&self) -> &Arc<Parent> {
        &self.parent
    }

    pub(crate) fn subject(&self) -> trace::Operation {
        let (kind, vhid) = match &self.kind {
            Kind::Join(vhost, _) => (c"join", vhost.vhid()),
            Kind::Leave => (c"leave", 0),
            Kind::Configure(vhost, _) => (c"configure", vhost.vhid()),
            Kind::State(vhost, _) => (c"state", vhost.vhid()),
            Kind::Addresses(vhost, _) => (c"addresses", vhost.vhid()),
            Kind::Vhid(renumbering) => {
                (c"vhid", renumbering.first().map_or(0, |vhost| vhost.vhid()))
            }
            Kind::ParentState => (c"parent-state", 0),
            Kind::ParentLimits => (c"parent-limits", 0),
            Kind::Ties => (c"ties", 0),
            Kind::ParentAddress => (c"parent-address", 0),
            Kind::Sync(_) => (c"sync", 0),
        };
        let origin = match self.origin {
            Origin::Request => c"request",
            Origin::Event => c"event",
        };
        trace::Operation {
            kind,
            origin,
            vhid,
            queued_ns: self.queued_ns,
        }
    }

    /// Shows what happens to it, for each parent of its groups.
    pub(crate) fn trace(&self, event: impl Fn(&NetDevice, trace::Operation)) {
        event(self.parent.device(), self.subject());
        let is_other = |other: &&Arc<Parent>| !Arc::ptr_eq(other, &self.parent);
        for parent in self.group.list().iter().filter(is_other) {
            event(parent.device(), self.subject());
        }
    }

    /// It waits no longer.
    fn begin(&mut self, event: impl Fn(&NetDevice, trace::Operation)) {
        self.queued_ns = clock::now_ns().saturating_sub(self.asked_ns);
        self.trace(event);
    }

    /// The serializer of another group that it is an operation of as well; none if there is none,
    /// or none any more. Joining and leaving (`group NAME`) is one of both groups.
    pub(crate) fn other_group(&mut self, rtnl: &Rtnl<'_>) -> Result<Option<Arc<Serializer>>> {
        let joins = match &self.kind {
            Kind::Configure(vhost, settings) if settings.group.is_some() && vhost.is_open() => {
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

    /// How long ago it was asked for.
    pub(super) fn age_ns(&self) -> u64 {
        clock::now_ns().saturating_sub(self.asked_ns)
    }

    pub(crate) fn is_about(&self, parent: &Parent) -> bool {
        core::ptr::eq(&*self.parent, parent)
    }

    /// The virtual host that it is about; none: the parent as a whole.
    fn vhost(&self) -> Option<&Arc<Vhost>> {
        match &self.kind {
            Kind::Join(vhost, _)
            | Kind::Configure(vhost, _)
            | Kind::State(vhost, _)
            | Kind::Addresses(vhost, _) => Some(vhost),
            // While it waits it is about one.
            Kind::Vhid(renumbering) => renumbering.first(),
            Kind::Leave
            | Kind::ParentState
            | Kind::ParentLimits
            | Kind::ParentAddress
            | Kind::Ties
            | Kind::Sync(_) => None,
        }
    }

    pub(crate) fn is_about_vhost(&self, vhost: &Vhost) -> bool {
        self.vhost()
            .is_some_and(|subject| core::ptr::eq(&**subject, vhost))
    }

    /// `vhost` is to begin to hear what its parent receives.
    pub(super) fn is_join_of(&self, vhost: &Vhost) -> bool {
        matches!(self.kind, Kind::Join(..)) && self.is_about_vhost(vhost)
    }

    pub(super) fn is_sync_of(&self, parent: &Parent) -> bool {
        matches!(self.kind, Kind::Sync(_)) && self.is_about(parent)
    }

    /// Another one that waits for the same finds room.
    pub(super) fn has_room_to_sync(&self) -> bool {
        match &self.kind {
            Kind::Sync(answers) => answers.has_room(),
            _ => true,
        }
    }

    /// Is of the same kind, about the same subject.
    pub(super) fn is_same(&self, other: &Operation) -> bool {
        let same_vhost = match (self.vhost(), other.vhost()) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            (one, other) => one.is_none() && other.is_none(),
        };
        let kind = core::mem::discriminant::<Kind>;
        kind(&self.kind) == kind(&other.kind) && self.is_about(&other.parent) && same_vhost
    }

    /// What becomes of it when the same is asked for again while it waits.
    pub(super) fn repeated(&self) -> Repeated {
        match &self.kind {
            Kind::State(..) => Repeated::After,
            Kind::Sync(_) => Repeated::AfterTheFirst,
            _ => Repeated::InPlace,
        }
    }

    /// Does what both would have done, one after the other. Returns what is to be abandoned.
    pub(super) fn absorb(&mut self, mut newer: Operation) -> Operation {
        match (&mut self.kind, &mut newer.kind) {
            (Kind::Configure(_, settings), Kind::Configure(_, newer)) => settings.merge(newer),
            (Kind::Sync(answers), Kind::Sync(newer)) => answers.append(newer),
            (kind, newer) => core::mem::swap(kind, newer),
        }
        newer
    }

    /// It and `other`, which waits, go through one rest.
    pub(super) fn goes_along_with(&self, other: &Operation) -> bool {
        matches!((&self.kind, &other.kind), (Kind::Vhid(_), Kind::Vhid(_)))
            && self.is_about(&other.parent)
    }

    /// Makes room for so many others that go along.
    pub(super) fn make_room_along(&mut self, others: usize) -> Result {
        match &mut self.kind {
            Kind::Vhid(renumbering) if others > 0 => renumbering.make_room(others),
            _ => Ok(()),
        }
    }

    /// Does what `other` would do as well.
    pub(super) fn take_along(&mut self, mut other: Operation) {
        other.begin(trace::op_fold);
        if let (Kind::Vhid(renumbering), Kind::Vhid(other)) = (&mut self.kind, other.kind) {
            renumbering.take_along(other);
        }
    }

    /// It is done in one step, and `current` has nothing left to do but to free what it replaced
    /// on the same parent.
    pub(crate) fn folds_into(&self, current: &Operation) -> bool {
        !current.has_more_steps()
            && self.is_about(&current.parent)
            && match &self.kind {
                Kind::Configure(_, settings) => settings.group.is_none(),
                Kind::Join(..) | Kind::Leave | Kind::State(..) | Kind::Addresses(..) => true,
                _ => false,
            }
    }

    /// Does it as a part of the current operation.
    pub(crate) fn fold(mut self, rtnl: &Rtnl<'_>) -> Self {
        self.begin(trace::op_fold);
        let _ = self.first_step(rtnl);
        self
    }

    /// It will not be done: gives back what it has taken outside of itself, and keeps nobody waiting.
    pub(crate) fn abandon(self, rtnl: &Rtnl<'_>) {
        match self.kind {
            Kind::Vhid(renumbering) => renumbering.forget(rtnl),
            Kind::Sync(mut answers) => answers.done(&self.parent.device().namespace()),
            _ => (),
        }
    }

    /// The first step.
    pub(crate) fn start(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        self.begin(trace::op_start);
        self.first_step(rtnl)
    }

    /// The step that [`Progress`] announced.
    pub(crate) fn step(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        match core::mem::replace(&mut self.stage, Stage::Reclaim) {
            Stage::Fresh => {
                self.stage = Stage::Fresh;
                self.first_step(rtnl)
            }
            Stage::Reclaim => Progress::Finished,
            Stage::Renumber => {
                if let Kind::Vhid(renumbering) = &mut self.kind {
                    renumbering.finish(rtnl, &self.parent);
                }
                Progress::Quiesce
            }
            Stage::Down(vhosts) => {
                self.parent.take_address(rtnl, &vhosts);
                self.parent.rise();
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

    /// False: it is done when what it replaced is freed.
    pub(crate) fn has_more_steps(&self) -> bool {
        !matches!(self.stage, Stage::Reclaim)
    }

    /// Whether the virtual hosts that were brought down are at rest. Those that have been deleted
    /// since are nobody's business any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.stage {
            Stage::Down(vhosts) => vhosts
                .iter()
                .all(|vhost| vhost.is_at_rest() || !vhost.is_open()),
            Stage::Renumber => match &self.kind {
                Kind::Vhid(renumbering) => renumbering.is_at_rest(),
                _ => true,
            },
            Stage::Fresh | Stage::Reclaim | Stage::Up(..) => true,
        }
    }

    fn first_step(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        match &mut self.kind {
            Kind::Join(vhost, fresh) => {
                if let Some(fresh) = fresh.take().filter(|_| vhost.is_open()) {
                    self.parent
                        .replace(fresh, |carp_if| carp_if.insert(vhost.clone()));
                    vhost.joined(rtnl);
                    ties::share_fate_of(rtnl, vhost);
                }
            }
            Kind::Vhid(renumbering) => {
                if renumbering.begin(rtnl, &self.parent) {
                    self.stage = Stage::Renumber;
                    return Progress::Quiesce;
                }
            }
            Kind::State(vhost, state) => vhost.request(*state),
            Kind::Configure(vhost, settings) => {
                vhost.configure(settings);
                if settings.group.is_some() && self.tie(rtnl).is_err() {
                    return Progress::NoMemory;
                }
            }
            Kind::Addresses(vhost, list) => {
                let list = core::mem::take(list);
                vhost.as_arc_borrow().set_addresses(rtnl, list);
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
            Kind::Sync(answers) => answers.done(&self.parent.device().namespace()),
            Kind::Leave => (),
        }
        self.stage = Stage::Reclaim;
        if self.parent.has_retired() {
            Progress::Quiesce
        } else {
            Progress::Finished
        }
    }

    fn tie(&self, rtnl: &Rtnl<'_>) -> Result {
        ties::separate(rtnl, &self.parent)?;
        self.parent.share_fate(rtnl)
    }

    /// Remembers who is up, and brings them all down.
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
        self.parent.rest(resting);
        self.stage = Stage::Down(vhosts);
        Progress::Quiesce
    }
}
