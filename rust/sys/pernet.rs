// SPDX-License-Identifier: GPL-2.0
//! Data and functions of every network namespace, those that come later included.

use super::{bindings, net_device::NetDevice, rcu::RcuPointer};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::{from_result, to_result},
    ffi::c_int,
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        rcu::{rcu_barrier, synchronize_rcu, Guard},
    },
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

/// Bytes of its own, zeroed, that each namespace has from before `enter()` until after `leave()`.
pub(super) struct PernetData {
    /// The number of it in each namespace; given out by the core.
    id: Opaque<u32>,
    size: usize,
}

// SAFETY: The number is written by the core alone, before `enter()` is called the first time.
unsafe impl Sync for PernetData {}

impl PernetData {
    /// For one `T`, to which zeros are a valid value.
    pub(super) const fn of<T: Zeroable>() -> Self {
        Self {
            id: Opaque::zeroed(),
            size: size_of::<T>(),
        }
    }

    /// # Safety
    ///
    /// `enter()` has been called for the namespace, by a registration with this, and `leave()`
    /// has not returned.
    pub(super) unsafe fn get<T>(&self, net: *mut bindings::net) -> *mut T {
        // SAFETY: By this function's contract the core has written it.
        let id = unsafe { self.id.get().read() };
        // SAFETY: The namespace is valid, and its array is replaced by a longer one at most, which
        // is freed a grace period after that.
        let array: *const *mut T = unsafe { (&raw const (*net).gen).read_volatile() }.cast();
        // SAFETY: The array overlays its header and has a place for each number that was given out.
        // By this function's contract ours is filled.
        unsafe { array.add(id as usize).read_volatile() }
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
    /// Once for each `PernetData`. Fails as `enter()` does.
    pub(super) fn new<T: PerNet>(data: Option<&'static PernetData>) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            operations <- Opaque::try_ffi_init(move |slot: *mut kernel::bindings::pernet_operations| {
                let operations = kernel::bindings::pernet_operations {
                    init: Some(init::<T>),
                    exit: Some(exit::<T>),
                    id: data.map_or(core::ptr::null_mut(), |data| data.id.get()),
                    size: data.map_or(0, |data| data.size),
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

/// A value of which every namespace publishes one of its own, or none.
pub(crate) trait Published: Send + Sync + Sized + 'static {
    /// The one static of this type.
    fn pernet() -> &'static RcuPernetData<RcuPointer<Self>>;
}

/// A `T` of each namespace, for readers under RCU.
///
/// # Invariants
///
/// While `is_open`, each namespace has a `T` in `data`. It is closed a grace period before that
/// ends.
pub(crate) struct RcuPernetData<T> {
    pub(super) data: PernetData,
    is_open: Atomic<bool>,
    _of: PhantomData<fn() -> T>,
}

impl<T: Zeroable + Sync> RcuPernetData<T> {
    pub(crate) const fn new() -> Self {
        // INVARIANT: Closed.
        Self {
            data: PernetData::of::<T>(),
            is_open: Atomic::new(false),
            _of: PhantomData,
        }
    }

    /// # Safety
    ///
    /// Each namespace has a `T` in `data`, until `close()` has returned.
    pub(super) unsafe fn open(&self) {
        // INVARIANT: By this function's contract.
        self.is_open.store(true, Release);
    }

    /// Nobody finds a `T` any more, and no reader has one. Context: process; sleeps.
    pub(super) fn close(&self) {
        self.is_open.store(false, Release);
        synchronize_rcu();
    }

    /// That of the namespace of `near`. None: the module comes or goes.
    pub(crate) fn get<'a>(&self, _guard: &'a Guard, near: &NetDevice) -> Option<&'a T> {
        let is_open = self.is_open.load(Acquire);
        // SAFETY: Open by the type's invariant, at least until the guard is dropped. A namespace
        // waits for a grace period after the last of its devices has gone.
        is_open.then(|| unsafe { &*self.data.get(near.net()) })
    }
}

/// All namespaces have a place for a `T` while this lives.
#[pin_data(PinnedDrop)]
pub(crate) struct RcuPernet<T: Published> {
    #[pin]
    registration: Registration,
    _of: PhantomData<T>,
}

impl<T: Published> RcuPernet<T> {
    /// Once a module.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        let this = try_pin_init!(Self {
            registration <- Registration::new::<PublishedIn<T>>(Some(&T::pernet().data)),
            _of: PhantomData,
        }? Error);
        this.pin_chain(|_| {
            // SAFETY: Registered just now; dropping this closes it before it is not any more.
            unsafe { T::pernet().open() };
            Ok(())
        })
    }
}

#[pinned_drop]
impl<T: Published> PinnedDrop for RcuPernet<T> {
    fn drop(self: Pin<&mut Self>) {
        T::pernet().close();
        // What was replaced before is freed by code of this module.
        rcu_barrier();
    }
}

struct PublishedIn<T>(PhantomData<T>);

impl<T: Published> PerNet for PublishedIn<T> {
    unsafe fn enter(_net: *mut bindings::net) -> Result {
        // Zeros are a pointer to nothing.
        Ok(())
    }

    unsafe fn leave(net: *mut bindings::net) {
        // SAFETY: The namespace has been entered.
        let pointer: *mut RcuPointer<T> = unsafe { T::pernet().data.get(net) };
        // SAFETY: A valid pointer that nobody reads: the namespace has no devices any more, or the
        // data is closed.
        unsafe { ptr::drop_in_place(pointer) };
    }
}
