// SPDX-License-Identifier: GPL-2.0
//! `struct rtable`: what a lookup of an IPv4 route ends with.

use super::{bindings, net_device::NetDevice};
use core::ptr::NonNull;
use kernel::prelude::*;

/// The route of a packet that is for this host itself, ready before there is one in the tables.
///
/// # Invariants
///
/// `route` is valid and counted for this.
pub(crate) struct LocalRoute {
    route: NonNull<bindings::rtable>,
}

// SAFETY: The count is atomic, and nothing else changes.
unsafe impl Send for LocalRoute {}
// SAFETY: As above.
unsafe impl Sync for LocalRoute {}

impl LocalRoute {
    /// In the namespace of `near`.
    pub(crate) fn new(near: &NetDevice) -> Result<Self> {
        // SAFETY: The namespace is valid as long as `near` is alive.
        let route = unsafe { bindings::carp_local_route(near.net()) };
        // INVARIANT: Made just now, counted once.
        Ok(Self {
            route: NonNull::new(route).ok_or(ENOMEM)?,
        })
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::rtable {
        self.route.as_ptr()
    }
}

impl Drop for LocalRoute {
    fn drop(&mut self) {
        // SAFETY: Counted by the type's invariant.
        unsafe { bindings::carp_route_put(self.route.as_ptr()) }
    }
}
