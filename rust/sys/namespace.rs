// SPDX-License-Identifier: GPL-2.0
//! `struct net`, a network namespace, borrowed or counted, and the devices in it.

use super::{
    bindings,
    net_device::{NetDevice, Rtnl},
};
use core::{
    ops::Deref,
    ptr::{self, NonNull},
};
use kernel::{prelude::*, sync::rcu::Guard, types::Opaque};

/// A network namespace that is valid while it is borrowed.
#[repr(transparent)]
pub(crate) struct Namespace(Opaque<bindings::net>);

impl Namespace {
    /// # Safety
    ///
    /// `net` is valid and remains so for `'a`.
    pub(super) unsafe fn from_raw<'a>(net: *mut bindings::net) -> &'a Self {
        // SAFETY: By this function's contract; the type is transparent.
        unsafe { &*net.cast() }
    }

    pub(super) fn as_ptr(&self) -> *mut bindings::net {
        self.0.get()
    }

    /// A reference to it, unless it is about to be freed. Any context.
    pub(crate) fn keep(&self) -> Option<NamespaceRef> {
        // SAFETY: It is valid.
        let kept = unsafe { bindings::carp_maybe_get_net(self.as_ptr()) };
        // INVARIANT: Counted just now.
        NonNull::new(kept).map(NamespaceRef)
    }

    /// The number that tells namespaces apart; `None` for the initial one.
    pub(crate) fn number_unless_initial(&self) -> Option<u32> {
        let initial = &raw const kernel::bindings::init_net;
        if ptr::eq(self.as_ptr().cast_const().cast(), initial) {
            return None;
        }
        // SAFETY: It is valid; the number never changes.
        Some(unsafe { (*self.as_ptr()).ns.inum })
    }

    /// Its devices, while the guard is held. Any context.
    pub(super) fn devices_rcu<'a>(
        &'a self,
        _guard: &'a Guard,
    ) -> impl Iterator<Item = &'a NetDevice> {
        let net = self.as_ptr();
        let mut last = ptr::null_mut();
        core::iter::from_fn(move || {
            // SAFETY: The namespace is valid, and the guard keeps what was found; null or one of
            // its devices.
            last = unsafe { bindings::carp_next_device_rcu(net, last) };
            // SAFETY: As above.
            NonNull::new(last).map(|device| unsafe { NetDevice::from_raw(device.as_ptr()) })
        })
    }

    /// Calls `f` for each device until it fails.
    pub(crate) fn for_each_device(
        &self,
        _rtnl: &Rtnl<'_>,
        mut f: impl FnMut(&NetDevice) -> Result,
    ) -> Result {
        let mut next = ptr::null_mut();
        loop {
            // SAFETY: The namespace is valid, RTNL keeps its devices; `next` is null or one of
            // them.
            next = unsafe { bindings::carp_next_device(self.as_ptr(), next) };
            let Some(device) = NonNull::new(next) else {
                return Ok(());
            };
            // SAFETY: As above.
            f(unsafe { NetDevice::from_raw(device.as_ptr()) })?;
        }
    }
}

/// A namespace that stays.
///
/// # Invariants
///
/// The namespace is counted for this.
pub(crate) struct NamespaceRef(NonNull<bindings::net>);

// SAFETY: A namespace may be used and given up by any thread.
unsafe impl Send for NamespaceRef {}

impl Deref for NamespaceRef {
    type Target = Namespace;
    fn deref(&self) -> &Namespace {
        // SAFETY: Counted by the type's invariant.
        unsafe { Namespace::from_raw(self.0.as_ptr()) }
    }
}

impl Drop for NamespaceRef {
    fn drop(&mut self) {
        // SAFETY: Counted by the type's invariant.
        unsafe { bindings::carp_put_net(self.0.as_ptr()) }
    }
}

/// Calls `f` for each device of each namespace.
pub(super) fn for_each_device(guard: &Guard, mut f: impl FnMut(&NetDevice)) {
    let mut net = ptr::null_mut();
    loop {
        // SAFETY: Null or a namespace found under RCU, which the guard keeps.
        net = unsafe { bindings::carp_next_net_rcu(net) };
        if net.is_null() {
            return;
        }
        // SAFETY: As above.
        let namespace = unsafe { Namespace::from_raw(net) };
        namespace.devices_rcu(guard).for_each(&mut f);
    }
}
