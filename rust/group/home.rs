// SPDX-License-Identifier: GPL-2.0
//! The group that a parent belongs to, and the room that the serializer of the group keeps for this
//! parent.

use super::{parent::Parent, serializer::Serializer};
use crate::serializer::kind::Census;
use kernel::{prelude::*, sync::Arc};

/// The group of a parent.
pub(super) struct Home {
    serializer: Arc<Serializer>,
    /// What the serializer keeps room for on account of this parent.
    census: Census,
}

impl Home {
    /// A new group for one parent, without virtual hosts.
    pub(super) fn new() -> Result<Self> {
        let serializer = Serializer::new()?;
        let census = Census {
            parents: 1,
            vhosts: 0,
        };
        serializer.promise(census)?;
        Ok(Self { serializer, census })
    }
}

/// Room for all operations that can wait for the virtual hosts of one carp device.
pub(super) struct Seat {
    parent: Arc<Parent>,
    census: Census,
}

impl Seat {
    pub(super) fn new(parent: Arc<Parent>, vhosts: usize) -> Result<Self> {
        let census = Census { parents: 0, vhosts };
        parent.serializer().promise(census)?;
        parent.home.lock().census.add(census);
        Ok(Self { parent, census })
    }
}

impl core::ops::Deref for Seat {
    type Target = Arc<Parent>;
    fn deref(&self) -> &Arc<Parent> {
        &self.parent
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.parent.release(self.census);
    }
}

impl Parent {
    /// The serializer of its group. Any context.
    pub(crate) fn serializer(&self) -> Arc<Serializer> {
        self.home.lock().serializer.clone()
    }

    /// What its group keeps room for on its account.
    pub(super) fn census(&self) -> Census {
        self.home.lock().census
    }

    /// Moves the parent to the group of `serializer`, which has room for it. Returns what the
    /// parent needs room for now.
    pub(super) fn move_to(&self, serializer: Arc<Serializer>) -> Census {
        let mut home = self.home.lock();
        home.serializer = serializer;
        home.census
    }

    /// Gives back the room for `less`. Context: process.
    pub(super) fn release(&self, less: Census) {
        let serializer = {
            let mut home = self.home.lock();
            home.census.subtract(less);
            home.serializer.clone()
        };
        serializer.release(less);
    }
}
