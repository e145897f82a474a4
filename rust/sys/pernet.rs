// SPDX-License-Identifier: GPL-2.0
//! What is there in every network namespace, those that come later included.

use super::bindings;
use kernel::{
    error::{from_result, to_result},
    ffi::c_int,
    prelude::*,
    types::Opaque,
};

/// Set up in a namespace when the module comes or the namespace does, and taken down when either
/// goes. Context: process; may sleep.
pub(super) trait PerNet: 'static {
    /// Leaves nothing behind if it fails.
    ///
    /// # Safety
    ///
    /// `net` is valid until `leave()` has returned.
    unsafe fn enter(net: *mut bindings::net) -> Result;

    /// # Safety
    ///
    /// `enter()` has succeeded, once.
    unsafe fn leave(net: *mut bindings::net);
}

/// Bytes of its own, zeroed, that each namespace has from before `enter()` until behind `leave()`.
pub(super) struct Room {
    /// Which of a namespace's rooms it is; given out by the core.
    id: Opaque<u32>,
    size: usize,
}

// SAFETY: The number is written by the core alone, before `enter()` is called the first time.
unsafe impl Sync for Room {}

impl Room {
    /// For one `T`, to which zeros are a valid value.
    pub(super) const fn of<T: Zeroable>() -> Self {
        Self {
            id: Opaque::zeroed(),
            size: size_of::<T>(),
        }
    }

    /// # Safety
    ///
    /// `enter()` has been called for the namespace, by a registration with this room, and `leave()`
    /// has not returned.
    pub(super) unsafe fn get<T>(&self, net: *mut bindings::net) -> *mut T {
        // SAFETY: By this function's contract the core has written it.
        let id = unsafe { self.id.get().read() };
        // SAFETY: As above.
        unsafe { bindings::carp_net_generic(net, id) }.cast()
    }
}

/// It is in all namespaces while this lives.
///
/// # Invariants
///
/// `operations` are registered.
#[pin_data(PinnedDrop)]
pub(super) struct Registration {
    #[pin]
    operations: Opaque<kernel::bindings::pernet_operations>,
}

// SAFETY: Nothing can be done with a reference to it.
unsafe impl Sync for Registration {}
// SAFETY: It may be unregistered by any thread.
unsafe impl Send for Registration {}

impl Registration {
    /// Once for each room. Fails as `enter()` does.
    pub(super) fn new<T: PerNet>(room: Option<&'static Room>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            operations <- Opaque::try_ffi_init(move |slot: *mut kernel::bindings::pernet_operations| {
                let operations = kernel::bindings::pernet_operations {
                    init: Some(init::<T>),
                    exit: Some(exit::<T>),
                    id: room.map_or(core::ptr::null_mut(), |room| room.id.get()),
                    size: room.map_or(0, |room| room.size),
                    ..pin_init::zeroed()
                };
                // SAFETY: `slot` is valid for writing.
                unsafe { slot.write(operations) };
                // SAFETY: The operations stay there until they are unregistered.
                to_result(unsafe { kernel::bindings::register_pernet_subsys(slot) })
            }),
        }? Error)
    }
}

#[pinned_drop]
impl PinnedDrop for Registration {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by the type's invariant.
        unsafe { kernel::bindings::unregister_pernet_subsys(self.operations.get()) }
    }
}

/// # Safety
///
/// Called by the core, as `pernet_operations::init`, only.
unsafe extern "C" fn init<T: PerNet>(net: *mut kernel::bindings::net) -> c_int {
    // SAFETY: The core keeps the namespace until `exit()`, which it calls for those entered here.
    from_result(|| unsafe { T::enter(net.cast()) }.map(|()| 0))
}

/// # Safety
///
/// Called by the core, as `pernet_operations::exit`, only.
unsafe extern "C" fn exit<T: PerNet>(net: *mut kernel::bindings::net) {
    // SAFETY: As above.
    unsafe { T::leave(net.cast()) }
}
