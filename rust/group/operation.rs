// SPDX-License-Identifier: GPL-2.0
//! Operations: what is done to a group, from start to finish.
//!
//! All memory that an operation takes it takes before its first step that changes anything; behind
//! that nothing can fail. A step runs under RTNL, in process context. Between steps an operation
//! may wait for a grace period and for virtual hosts to come to rest, without RTNL and without a
//! thread.

use super::{
    addresses::Addresses, carp_if::CarpIf, parent::Parent, serializer::Serializer,
    status::Settings, ties, vhost::Vhost,
};
use crate::{
    proto::wire,
    sys::{
        clock,
        genl::Completion,
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
    /// Settings, key and state of a virtual host.
    Configure(Arc<Vhost>, Settings),
    /// The vhid of a virtual host, and with it its virtual MAC address.
    Vhid(Arc<Vhost>, Renumbering),
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
    Sync(Arc<Completion>),
}

/// Another vhid, which the virtual host claims and the parent lets in; and the memory for the
/// snapshots without the old and with the new one.
pub(crate) struct Renumbering {
    vhid: u8,
    without: Option<Fresh<CarpIf>>,
    with: Option<Fresh<CarpIf>>,
}

impl Renumbering {
    /// Takes what it takes; or fails, and takes nothing.
    pub(crate) fn new(rtnl: &Rtnl<'_>, vhost: &Vhost, vhid: u8) -> Result<Self> {
        let this = Self {
            vhid,
            without: Some(Fresh::new(CarpIf::new()?)?),
            with: Some(Fresh::new(CarpIf::new()?)?),
        };
        vhost.claim(rtnl, vhid)?;
        vhost
            .parent_device()
            .accept_unicast(rtnl, &wire::virtual_mac(vhid))
            .inspect_err(|_| vhost.unclaim(vhid))?;
        Ok(this)
    }

    /// Gives back what [`Renumbering::new`] has taken.
    pub(crate) fn forget(&self, rtnl: &Rtnl<'_>, vhost: &Vhost) {
        vhost.unclaim(self.vhid);
        vhost
            .parent_device()
            .drop_unicast(rtnl, &wire::virtual_mac(self.vhid));
    }
}

pub(crate) struct Operation {
    kind: Kind,
    origin: Origin,
    parent: Arc<Parent>,
    asked_ns: u64,
    /// Until its start; 0 before.
    queued_ns: u64,
    /// The other parents of the groups that it is an operation of.
    others: KVec<Arc<Parent>>,
    stage: Stage,
}

enum Stage {
    /// Nothing has been changed yet.
    Fresh,
    /// Only what was replaced has to be freed.
    Reclaim,
    /// A virtual host has been brought down to be given another vhid.
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
            others: KVec::new(),
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
            Kind::Addresses(vhost, _) => (c"addresses", vhost.vhid()),
            Kind::Vhid(vhost, _) => (c"vhid", vhost.vhid()),
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
        for parent in Iterator::chain([&self.parent].into_iter(), &self.others) {
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
            self.others = ties::parents_of_group(rtnl, &self.parent)?;
            self.others
                .retain(|other| !Arc::ptr_eq(other, &self.parent));
        }
        Ok(other)
    }

    /// An event about the same, which looks at what is the case when it is its turn.
    pub(crate) fn says_the_same_as(&self, other: &Operation) -> bool {
        let same_kind = matches!(
            (&self.kind, &other.kind),
            (Kind::ParentState, Kind::ParentState)
                | (Kind::ParentLimits, Kind::ParentLimits)
                | (Kind::ParentAddress, Kind::ParentAddress)
                | (Kind::Leave, Kind::Leave)
                | (Kind::Ties, Kind::Ties)
        );
        same_kind && self.is_about(&other.parent)
    }

    pub(crate) fn is_about(&self, parent: &Parent) -> bool {
        core::ptr::eq(&*self.parent, parent)
    }

    pub(crate) fn is_about_vhost(&self, vhost: &Vhost) -> bool {
        match &self.kind {
            Kind::Join(subject, _)
            | Kind::Configure(subject, _)
            | Kind::Addresses(subject, _)
            | Kind::Vhid(subject, _) => core::ptr::eq(&**subject, vhost),
            Kind::Leave
            | Kind::ParentState
            | Kind::ParentLimits
            | Kind::ParentAddress
            | Kind::Ties
            | Kind::Sync(_) => false,
        }
    }

    /// It is done in one step, and `current` has nothing left to do but to free what it replaced
    /// on the same parent.
    pub(crate) fn folds_into(&self, current: &Operation) -> bool {
        !current.has_more_steps()
            && self.is_about(&current.parent)
            && match &self.kind {
                Kind::Configure(_, settings) => settings.group.is_none(),
                kind => matches!(kind, Kind::Join(..) | Kind::Leave | Kind::Addresses(..)),
            }
    }

    /// Does it as a part of the current operation.
    pub(crate) fn fold(mut self, rtnl: &Rtnl<'_>) {
        self.begin(trace::op_fold);
        let _ = self.first_step(rtnl);
    }

    /// It will not be done: gives back what it has taken outside of itself.
    pub(crate) fn abandon(mut self, rtnl: &Rtnl<'_>) {
        if let Kind::Vhid(vhost, renumbering) = &mut self.kind {
            renumbering.forget(rtnl, vhost);
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
                self.renumber(rtnl);
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
                Kind::Vhid(vhost, _) => vhost.is_at_rest() || !vhost.is_open(),
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
            Kind::Vhid(vhost, renumbering) => match renumbering.without.take() {
                Some(fresh) if vhost.is_open() => {
                    vhost.retire();
                    let vhid = vhost.vhid();
                    self.parent.replace(fresh, |carp_if| carp_if.remove(vhid));
                    self.stage = Stage::Renumber;
                    return Progress::Quiesce;
                }
                _ => {
                    // What was let in when this was asked for, the device lets in when it is up.
                    renumbering.forget(rtnl, vhost);
                    vhost.renumber(rtnl, renumbering.vhid);
                }
            },
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
            Kind::Leave | Kind::Sync(_) => (),
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

    /// The virtual host of this operation is at rest, unless its device has been set down since.
    fn renumber(&mut self, rtnl: &Rtnl<'_>) {
        let Kind::Vhid(vhost, renumbering) = &mut self.kind else {
            return;
        };
        let (old, new) = (vhost.mac(), wire::virtual_mac(renumbering.vhid));
        vhost.renumber(rtnl, renumbering.vhid);
        if let Some(fresh) = renumbering.with.take().filter(|_| vhost.is_open()) {
            self.parent.device().drop_unicast(rtnl, &old);
            self.parent
                .replace(fresh, |carp_if| carp_if.insert(vhost.clone()));
        } else {
            self.parent.device().drop_unicast(rtnl, &new);
        }
        vhost.come_up(rtnl);
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

impl Drop for Operation {
    fn drop(&mut self) {
        if let Kind::Sync(done) = &self.kind {
            done.complete();
        }
    }
}
