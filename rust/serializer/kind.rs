// SPDX-License-Identifier: GPL-2.0
//! The kinds of operations: what each is about, what becomes of it when it is asked for again, and
//! what it can be carried out with.
//!
//! The result is always as if the operations had run in the order in which they were submitted. An
//! operation that is submitted while an equal one waits is merged with it:
//!
//! | kind | submitted again while it waits |
//! |---|---|
//! | join | cannot be: the device is set down in between, which removes the one that waits |
//! | configure | one, in the place of the first, with the newest value of each setting |
//! | vhid, addresses | one, in the place of the first, with the newest value |
//! | state | one, at the end of the queue, with the newest state |
//! | leave, parent-*, ties | one, in the place of the first: it reads the state of things at its turn |
//! | sync | two: the first stays where it is, the second is at the end of the queue |
//!
//! An operation that is merged in the place of the first runs before others that were submitted
//! earlier. Either it commutes with these (yes), or it is put after them (no):
//!
//! | may run before an earlier ... | join | configure | vhid | addresses | state | leave, parent-*, ties | sync |
//! |---|---|---|---|---|---|---|---|
//! | configure, vhid, addresses | yes | yes | yes | yes | yes | yes | yes |
//! | leave, parent-*, ties | yes | yes | yes | yes | yes | yes | yes |
//! | state | no | no | no | no | the newest counts | no | yes |
//! | sync | no | no | no | no | no | no | yes |
//!
//! The settings, the vhid and the addresses of a virtual host do not depend on each other, nor on
//! those of another virtual host. What runs is derived from all of them, in whichever order they
//! changed. An event derives it from the state of things at its turn. A state is requested of a
//! virtual host to which everything submitted before has been applied. A sync waits for everything
//! submitted before it, and nothing waits for a sync. A sync cannot be put off for ever: the first
//! one that waits keeps its place, and after it the second is the first.

use core::ffi::CStr;

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A virtual host begins to hear what its parent receives.
    Join,
    /// A virtual host has stopped hearing it.
    Leave,
    /// Settings and key of a virtual host.
    Configure,
    /// A virtual host is to be MASTER, or BACKUP.
    State,
    /// The vhid of a virtual host.
    Vhid,
    /// The virtual addresses of a virtual host.
    Addresses,
    /// The parent is up or down, has a carrier or none.
    ParentState,
    /// The parent's MTU or offloads.
    ParentLimits,
    /// The parent has another MAC address.
    ParentAddress,
    /// Which parents share a group with this one.
    Ties,
    /// Nothing is done: somebody waits until everything before it has been applied.
    Sync,
}

/// What an operation of a kind is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum About {
    /// The parent as a whole.
    Parent,
    /// One virtual host on it.
    Vhost,
}

/// What becomes of a waiting operation when an equal one is submitted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeated {
    /// They are merged, in the place of the first.
    InPlace,
    /// They are merged, at the end of the queue.
    After,
    /// The first stays as it is. The second and all later ones are merged, at the end of the queue.
    AfterTheFirst,
}

impl Kind {
    /// Each of them.
    pub const ALL: [Self; 11] = [
        Self::Join,
        Self::Leave,
        Self::Configure,
        Self::State,
        Self::Vhid,
        Self::Addresses,
        Self::ParentState,
        Self::ParentLimits,
        Self::ParentAddress,
        Self::Ties,
        Self::Sync,
    ];

    /// The name that tracepoints and debugfs show.
    pub const fn name(self) -> &'static CStr {
        match self {
            Self::Join => c"join",
            Self::Leave => c"leave",
            Self::Configure => c"configure",
            Self::State => c"state",
            Self::Vhid => c"vhid",
            Self::Addresses => c"addresses",
            Self::ParentState => c"parent-state",
            Self::ParentLimits => c"parent-limits",
            Self::ParentAddress => c"parent-address",
            Self::Ties => c"ties",
            Self::Sync => c"sync",
        }
    }

    /// What it is about.
    pub const fn about(self) -> About {
        match self {
            Self::Join | Self::Configure | Self::State | Self::Vhid | Self::Addresses => {
                About::Vhost
            }
            Self::Leave
            | Self::ParentState
            | Self::ParentLimits
            | Self::ParentAddress
            | Self::Ties
            | Self::Sync => About::Parent,
        }
    }

    /// What becomes of a waiting one when an equal one is submitted.
    pub const fn repeated(self) -> Repeated {
        match self {
            Self::State => Repeated::After,
            Self::Sync => Repeated::AfterTheFirst,
            _ => Repeated::InPlace,
        }
    }

    /// It has one step, which cannot fail. So it can be folded into one on the same parent.
    pub const fn folds(self) -> bool {
        matches!(
            self,
            Self::Join | Self::Leave | Self::Configure | Self::State | Self::Addresses
        )
    }

    /// Others of its kind on the same parent can be done while the virtual hosts are at rest for
    /// it.
    pub const fn goes_along(self) -> bool {
        matches!(self, Self::Vhid)
    }

    /// How many of this kind can wait at once about one subject.
    const fn at_once(self) -> usize {
        match self.repeated() {
            Repeated::InPlace | Repeated::After => 1,
            Repeated::AfterTheFirst => 2,
        }
    }

    /// How many can wait at once about one parent, or about one virtual host.
    fn all_at_once(about: About) -> usize {
        let kinds = Self::ALL.iter().filter(|kind| kind.about() == about);
        kinds.fold(0, |sum, kind| sum.saturating_add(kind.at_once()))
    }
}

/// The parents and virtual hosts that a queue has room for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Census {
    /// The number of parents.
    pub parents: usize,
    /// The number of virtual hosts on all of them.
    pub vhosts: usize,
}

impl Census {
    /// How many operations can wait at once.
    pub fn room(self) -> usize {
        let of_parents = self
            .parents
            .saturating_mul(Kind::all_at_once(About::Parent));
        let of_vhosts = self.vhosts.saturating_mul(Kind::all_at_once(About::Vhost));
        of_parents.saturating_add(of_vhosts)
    }

    /// Adds `more`.
    pub fn add(&mut self, more: Self) {
        self.parents = self.parents.saturating_add(more.parents);
        self.vhosts = self.vhosts.saturating_add(more.vhosts);
    }

    /// Takes `less` away.
    pub fn subtract(&mut self, less: Self) {
        self.parents = self.parents.saturating_sub(less.parents);
        self.vhosts = self.vhosts.saturating_sub(less.vhosts);
    }
}
