// SPDX-License-Identifier: GPL-2.0
//! `struct dst_entry`: what the lookup of a route ends with.

use super::{bindings, net_device::NetDevice};
use core::ptr::NonNull;
use kernel::prelude::*;

/// The route of a packet that is for this host itself, ready before there is one in the tables.
///
/// # Invariants
///
/// `route` is valid and counted for this.
pub(crate) struct LocalRoute {
    route: NonNull<bindings::dst_entry>,
}

// SAFETY: The count is atomic, and nothing else changes.
unsafe impl Send for LocalRoute {}
// SAFETY: As above.
unsafe impl Sync for LocalRoute {}

impl LocalRoute {
    /// Of IPv4, in the namespace of `near`.
    pub(crate) fn v4(near: &NetDevice) -> Result<Self> {
        // SAFETY: The namespace is valid as long as `near` is alive.
        let route = unsafe { bindings::carp_local_route(near.net()) };
        // INVARIANT: Made just now, counted once.
        Ok(Self {
            route: NonNull::new(route).ok_or(ENOMEM)?,
        })
    }

    /// Of IPv6, if the namespace of `near` has that. For a packet of which the stack has noted by
    /// which device it came: it would take that for the loopback device.
    pub(crate) fn v6(near: &NetDevice) -> Option<Self> {
        // SAFETY: The namespace is valid as long as `near` is alive.
        let route = NonNull::new(unsafe { bindings::carp_local_route6(near.net()) })?;
        // INVARIANT: Made just now, counted once.
        Some(Self { route })
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::dst_entry {
        self.route.as_ptr()
    }
}

impl Drop for LocalRoute {
    fn drop(&mut self) {
        // SAFETY: Counted by the type's invariant.
        unsafe { bindings::carp_route_put(self.route.as_ptr()) }
    }
}
