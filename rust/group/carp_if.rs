// SPDX-License-Identifier: GPL-2.0
//! The snapshot of a parent's running virtual hosts.
//!
//! ```text
//!   Parent ──RCU──> CarpIf ──> container [vhid] ──> Vhost
//! ```
//!
//! A published `CarpIf` never changes. Readers load it once, and use only what they loaded. A
//! writer copies it, changes the copy, publishes the copy, waits for a grace period, and frees the
//! old `CarpIf` with its containers. That leaves the virtual hosts alone: a container only has a
//! reference to one.

use super::carp_device::CarpDevice;
use crate::vhost::virtual_host::Vhost;
use kernel::{alloc::KVec, prelude::*, sync::Arc};

pub(crate) struct CarpIf {
    containers: KVec<Option<Arc<Vhost>>>,
    vhosts: usize,
}

impl CarpIf {
    /// One container for each vhid, 0 included, so that a vhid is an index.
    pub(crate) const CONTAINERS: usize = 256;

    /// Empty, with all the memory that it will ever need.
    pub(crate) fn new() -> Result<Self> {
        let mut containers = KVec::with_capacity(Self::CONTAINERS, GFP_KERNEL_ACCOUNT)?;
        for _ in 0..Self::CONTAINERS {
            containers.push(None, GFP_KERNEL_ACCOUNT)?;
        }
        Ok(Self {
            containers,
            vhosts: 0,
        })
    }

    /// Becomes a copy of `old`. Takes no memory.
    pub(crate) fn copy(&mut self, old: Option<&CarpIf>) {
        let Some(old) = old else { return };
        for (container, old) in self.containers.iter_mut().zip(old.containers.iter()) {
            container.clone_from(old);
        }
        self.vhosts = old.vhosts;
    }

    pub(crate) fn insert(&mut self, vhost: Arc<Vhost>) {
        if let Some(container) = self.containers.get_mut(usize::from(vhost.vhid())) {
            if container.replace(vhost).is_none() {
                self.vhosts = self.vhosts.wrapping_add(1);
            }
        }
    }

    pub(crate) fn remove(&mut self, vhid: u8) {
        if let Some(container) = self.containers.get_mut(usize::from(vhid)) {
            if container.take().is_some() {
                self.vhosts = self.vhosts.wrapping_sub(1);
            }
        }
    }

    pub(crate) fn insert_all(&mut self, carp: &CarpDevice) {
        for vhost in carp.vhosts() {
            self.insert(vhost.clone());
        }
    }

    pub(crate) fn remove_all(&mut self, carp: &CarpDevice) {
        for vhost in carp.vhosts() {
            self.remove(vhost.vhid());
        }
    }

    pub(crate) fn get(&self, vhid: u8) -> Option<&Vhost> {
        self.containers.get(usize::from(vhid))?.as_deref()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Vhost>> {
        self.containers.iter().flatten()
    }

    pub(crate) fn len(&self) -> usize {
        self.vhosts
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.vhosts == 0
    }
}
