// SPDX-License-Identifier: GPL-2.0
//! Operations: what is done to a group, from start to finish.
//!
//! All memory that an operation takes it takes before its first step that changes anything; behind
//! that nothing can fail. A step runs under RTNL, in process context. Between steps an operation
//! may wait for a grace period and for virtual hosts to come to rest, without RTNL and without a
//! thread.

use super::{
    carp_if::CarpIf,
    parent::{Joining, Parent},
    vhost::{Settings, Vhost},
};
use crate::sys::{
    inet::Ipv4,
    net_device::{NetDevice, Rtnl},
    rcu::Fresh,
    trace,
};
use kernel::{
    prelude::*,
    sync::{Arc, Completion},
};

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
    Join(Arc<Vhost>, Joining),
    /// It has stopped to; what is left is to free the old snapshot.
    Leave,
    /// Settings, key and state of a virtual host.
    Configure(Arc<Vhost>, Settings),
    /// The virtual addresses of a virtual host.
    Addresses(Arc<Vhost>, KVec<Ipv4>),
    /// The parent is up or down, has a carrier or none.
    ParentState,
    /// The parent's MTU or offloads.
    ParentLimits,
    /// The parent has another MAC address.
    ParentAddress,
    /// Nothing: somebody waits until everything before it is done.
    Sync(Arc<SyncPoint>),
}

/// Completed when an operation is dropped, done or not.
#[pin_data]
pub(crate) struct SyncPoint {
    #[pin]
    pub(crate) done: Completion,
}

pub(crate) struct Operation {
    kind: Kind,
    origin: Origin,
    parent: Arc<Parent>,
    stage: Stage,
}

enum Stage {
    /// Nothing has been changed yet.
    Fresh,
    /// Only what was replaced has to be freed.
    Reclaim,
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
        Self {
            kind,
            origin: Origin::Request,
            parent,
            stage: Stage::Fresh,
        }
    }

    pub(crate) fn event(parent: Arc<Parent>, kind: Kind) -> Self {
        Self {
            kind,
            origin: Origin::Event,
            parent,
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
            Kind::ParentState => (c"parent-state", 0),
            Kind::ParentLimits => (c"parent-limits", 0),
            Kind::ParentAddress => (c"parent-address", 0),
            Kind::Sync(_) => (c"sync", 0),
        };
        let origin = match self.origin {
            Origin::Request => c"request",
            Origin::Event => c"event",
        };
        trace::Operation { kind, origin, vhid }
    }

    pub(crate) fn trace(&self, event: fn(&NetDevice, trace::Operation)) {
        event(self.parent.device(), self.subject());
    }

    /// An event about the same, which looks at what is the case when it is its turn.
    pub(crate) fn says_the_same_as(&self, other: &Operation) -> bool {
        let same_kind = matches!(
            (&self.kind, &other.kind),
            (Kind::ParentState, Kind::ParentState)
                | (Kind::ParentLimits, Kind::ParentLimits)
                | (Kind::ParentAddress, Kind::ParentAddress)
                | (Kind::Leave, Kind::Leave)
        );
        same_kind && Arc::ptr_eq(&self.parent, &other.parent)
    }

    /// It is done in one step, and `current` has nothing left to do but to free what it replaced
    /// on the same parent.
    pub(crate) fn folds_into(&self, current: &Operation) -> bool {
        matches!(current.stage, Stage::Reclaim)
            && Arc::ptr_eq(&self.parent, &current.parent)
            && !matches!(self.kind, Kind::ParentAddress | Kind::Sync(_))
    }

    /// Does it as a part of the current operation.
    pub(crate) fn fold(mut self, rtnl: &Rtnl<'_>) {
        let _ = self.first_step(rtnl);
    }

    /// The first step, after waiting for `waited_ns` for its turn.
    pub(crate) fn start(&mut self, rtnl: &Rtnl<'_>, waited_ns: u64) -> Progress {
        trace::op_start(self.parent.device(), self.subject(), waited_ns);
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

    /// Whether the virtual hosts that were brought down are at rest. Those that have been deleted
    /// since are nobody's business any more.
    pub(crate) fn is_at_rest(&self) -> bool {
        match &self.stage {
            Stage::Down(vhosts) => vhosts
                .iter()
                .all(|vhost| vhost.is_at_rest() || !vhost.is_open()),
            Stage::Fresh | Stage::Reclaim | Stage::Up(..) => true,
        }
    }

    fn first_step(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        match &mut self.kind {
            Kind::Join(vhost, joining) => {
                if vhost.is_open() {
                    self.parent.join(vhost.clone(), joining);
                    vhost.start_or_stop(rtnl);
                }
            }
            Kind::Configure(vhost, settings) => vhost.configure(settings),
            Kind::Addresses(vhost, list) => vhost.set_addresses(rtnl, core::mem::take(list)),
            Kind::ParentState => self.parent.state_changed(rtnl),
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

    /// Remembers who is up, and brings them all down.
    fn bring_down(&mut self, rtnl: &Rtnl<'_>) -> Progress {
        let Ok(vhosts) = self.parent.vhosts() else {
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
        if let Kind::Sync(point) = &self.kind {
            point.done.complete_all();
        }
    }
}
