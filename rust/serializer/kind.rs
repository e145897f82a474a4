// SPDX-License-Identifier: GPL-2.0
//! The kinds of operations: what each is about, what becomes of it when it is asked for again, and
//! what it can be carried out with.
//!
//! All that is asked for is done in the end as if it had been done in the order of asking. What is
//! asked for while the same still waits is merged with it:
//!
//! | kind | asked again, while it waits |
//! |---|---|
//! | join | cannot be: its device is set down between, which takes the waiting one away |
//! | configure | one, in the place of the first: of each setting the newest |
//! | vhid, addresses | one, in the place of the first: the newest |
//! | state | one, the newest, in the place of the newest |
//! | leave, parent-*, ties | one, in the place of the first: it looks at what is the case in its turn |
//! | sync | two: the first stays where it is, the second waits in the place of the newest |
//!
//! What takes the place of the first is done before others that were asked for earlier. Either it
//! commutes with these (yes), or it goes after them:
//!
//! | before an earlier ... | join | configure | vhid | addresses | state | leave, parent-*, ties | sync |
//! |---|---|---|---|---|---|---|---|
//! | configure, vhid, addresses | yes | yes | yes | yes | yes | yes | yes |
//! | leave, parent-*, ties | yes | yes | yes | yes | yes | yes | yes |
//! | state | no | no | no | no | the newest counts | no | yes |
//! | sync | no | no | no | no | no | no | yes |
//!
//! Settings, vhid and addresses of a virtual host are three things, and those of another one are
//! three more. What runs is derived from all of them, whatever changed first. An event derives it
//! from what is the case. A state is asked of what a virtual host is when all that was asked before
//! is done. A sync waits for what was asked for before, and nothing waits for a sync. It cannot be
//! put off for ever: the first one that waits keeps its place, and then the second is the first.

use core::ffi::CStr;

/// What is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A virtual host begins to hear what its parent receives.
    Join,
    /// A virtual host has stopped to hear that.
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
    /// Which parents are tied to this one.
    Ties,
    /// Nothing is done: somebody waits until everything before it is.
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

/// What becomes of an operation that waits when the same is asked for again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Repeated {
    /// Both are one, where the first waits.
    InPlace,
    /// Both are one, after all that was asked for before.
    After,
    /// The first stays what it is; a second and all later ones are one, after all that was asked
    /// for before.
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

    /// For people to read.
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

    /// What becomes of it when it is asked for again.
    pub const fn repeated(self) -> Repeated {
        match self {
            Self::State => Repeated::After,
            Self::Sync => Repeated::AfterTheFirst,
            _ => Repeated::InPlace,
        }
    }

    /// It is done in one step, which cannot fail: so it can be folded into one on the same parent.
    pub const fn folds(self) -> bool {
        matches!(
            self,
            Self::Join | Self::Leave | Self::Configure | Self::State | Self::Addresses
        )
    }

    /// Others of the kind, on the same parent, can go through the same rest.
    pub const fn goes_along(self) -> bool {
        matches!(self, Self::Vhid)
    }

    /// So many of it can wait at once about the same.
    const fn at_once(self) -> usize {
        match self.repeated() {
            Repeated::InPlace | Repeated::After => 1,
            Repeated::AfterTheFirst => 2,
        }
    }

    /// So many can wait at once about one such.
    fn all_at_once(about: About) -> usize {
        let kinds = Self::ALL.iter().filter(|kind| kind.about() == about);
        kinds.fold(0, |sum, kind| sum.saturating_add(kind.at_once()))
    }
}

/// What can be asked something of: for this there has to be room.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Census {
    /// So many parents.
    pub parents: usize,
    /// So many virtual hosts, on all of these.
    pub vhosts: usize,
}

impl Census {
    /// So many operations can wait at once.
    pub fn room(self) -> usize {
        let of_parents = self
            .parents
            .saturating_mul(Kind::all_at_once(About::Parent));
        let of_vhosts = self.vhosts.saturating_mul(Kind::all_at_once(About::Vhost));
        of_parents.saturating_add(of_vhosts)
    }

    /// These as well.
    pub fn add(&mut self, more: Self) {
        self.parents = self.parents.saturating_add(more.parents);
        self.vhosts = self.vhosts.saturating_add(more.vhosts);
    }

    /// These no longer.
    pub fn subtract(&mut self, less: Self) {
        self.parents = self.parents.saturating_sub(less.parents);
        self.vhosts = self.vhosts.saturating_sub(less.vhosts);
    }
}
