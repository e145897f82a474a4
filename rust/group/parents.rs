// SPDX-License-Identifier: GPL-2.0
//! A list of parents, each once.
//!
//! Context: process; allocates.

use super::parent::Parent;
use kernel::{prelude::*, rbtree::RBTree, sync::Arc};

#[derive(Default)]
pub(crate) struct Parents {
    list: KVec<Arc<Parent>>,
    /// The place of a parent in the list, by the pointer to the parent.
    places: RBTree<usize, usize>,
}

impl Parents {
    /// Adds `parent` at the end, unless it is there already. Returns its place.
    pub(crate) fn add(&mut self, parent: &Arc<Parent>) -> Result<usize> {
        if let Some(place) = self.place(parent) {
            return Ok(place);
        }
        let place = self.list.len();
        self.list.reserve(1, GFP_KERNEL_ACCOUNT)?;
        let address = Arc::as_ptr(parent).addr();
        self.places
            .try_create_and_insert(address, place, GFP_KERNEL_ACCOUNT)?;
        self.list
            .push_within_capacity(parent.clone())
            .or(Err(ENOMEM))?;
        Ok(place)
    }

    pub(super) fn place(&self, parent: &Arc<Parent>) -> Option<usize> {
        self.places.get(&Arc::as_ptr(parent).addr()).copied()
    }

    pub(crate) fn list(&self) -> &[Arc<Parent>] {
        &self.list
    }
}
