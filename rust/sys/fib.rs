// SPDX-License-Identifier: GPL-2.0
//! A say in which routes get into the tables, in all namespaces.

use super::{bindings, net_device::NetDevice};
use kernel::{
    error::to_result,
    ffi::{c_int, c_ulong, c_void},
    prelude::*,
    types::Opaque,
};

/// A route that is about to get into a table.
pub(crate) struct Candidate<'a> {
    /// By which it leaves.
    pub(crate) device: &'a NetDevice,
    /// It says that this host has the address; or that it is a broadcast address of it.
    pub(crate) is_local: bool,
    /// The kernel has made it for an address.
    pub(crate) is_kernels: bool,
}

/// Who is asked. Context: any but hard interrupts; must not sleep, nor look anything up in a table.
/// It is asked for every route of the host: most must be let in at once.
pub(crate) trait Gate: 'static {
    fn admits(candidate: &Candidate<'_>) -> bool;
}

/// The index of each namespace's own notifier.
struct Id(Opaque<u32>);

// SAFETY: Written by the core alone, before any notifier is made.
unsafe impl Sync for Id {}

static ID: Id = Id(Opaque::zeroed());

/// The gates of all namespaces, those that come later included.
///
/// # Invariants
///
/// `pernet` is registered.
#[pin_data(PinnedDrop)]
pub(crate) struct Gates {
    #[pin]
    pernet: Opaque<kernel::bindings::pernet_operations>,
}

// SAFETY: Nothing can be done with a reference to it.
unsafe impl Sync for Gates {}
// SAFETY: It may be unregistered by any thread.
unsafe impl Send for Gates {}

impl Gates {
    /// Once a module. Walks all routes of the host; fails with `EBUSY` if they change faster than
    /// that.
    pub(crate) fn new<T: Gate>() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            pernet <- Opaque::try_ffi_init(|slot: *mut kernel::bindings::pernet_operations| {
                let operations = kernel::bindings::pernet_operations {
                    init: Some(enter_namespace::<T>),
                    exit: Some(leave_namespace),
                    id: ID.0.get(),
                    size: size_of::<bindings::notifier_block>(),
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
impl PinnedDrop for Gates {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by the type's invariant.
        unsafe { kernel::bindings::unregister_pernet_subsys(self.pernet.get()) }
    }
}

/// The notifier of `net`.
///
/// # Safety
///
/// Called between a namespace's `init` and `exit`, those included.
unsafe fn notifier(net: *mut kernel::bindings::net) -> *mut bindings::notifier_block {
    // SAFETY: The core has written the index before it called `init`, and never does again.
    let id = unsafe { ID.0.get().read() };
    // SAFETY: The core keeps that many bytes for the index, zeroed, from before `init` on until
    // after `exit`.
    unsafe { bindings::carp_net_generic(net.cast(), id) }.cast()
}

/// # Safety
///
/// Called by the core, as `pernet_operations::init`, only.
unsafe extern "C" fn enter_namespace<T: Gate>(net: *mut kernel::bindings::net) -> c_int {
    // SAFETY: Called by the core, as `notifier()` asks.
    let block = unsafe { notifier(net) };
    // SAFETY: Room for a notifier, which nobody knows yet.
    unsafe {
        block.write(bindings::notifier_block {
            notifier_call: Some(event::<T>),
            ..pin_init::zeroed()
        })
    };
    // SAFETY: The namespace is valid, the notifier stays until it is unregistered.
    unsafe { bindings::register_fib_notifier(net.cast(), block, None, core::ptr::null_mut()) }
}

/// # Safety
///
/// Called by the core, as `pernet_operations::exit`, only.
unsafe extern "C" fn leave_namespace(net: *mut kernel::bindings::net) {
    // SAFETY: Registered when the namespace was entered. Waits until nobody is being told.
    unsafe { bindings::unregister_fib_notifier(net.cast(), notifier(net)) };
}

/// # Safety
///
/// Called by the chain of routes, only.
unsafe extern "C" fn event<T: Gate>(
    _block: *mut bindings::notifier_block,
    event: c_ulong,
    info: *mut c_void,
) -> c_int {
    match u32::try_from(event).unwrap_or(u32::MAX) {
        bindings::fib_event_type_FIB_EVENT_ENTRY_REPLACE
        | bindings::fib_event_type_FIB_EVENT_ENTRY_APPEND
        | bindings::fib_event_type_FIB_EVENT_ENTRY_ADD => (),
        _ => return NOTIFY_DONE,
    }
    let mut route = bindings::carp_route::default();
    // SAFETY: For these events `info` tells of a route of the family that it says.
    unsafe { bindings::carp_fib_route(info.cast(), &mut route) };
    if route.dev.is_null() {
        return NOTIFY_DONE;
    }
    let kind = u32::from(route.type_);
    let candidate = Candidate {
        // SAFETY: A route keeps its device.
        device: unsafe { NetDevice::from_raw(route.dev) },
        is_local: kind == bindings::RTN_LOCAL || kind == bindings::RTN_BROADCAST,
        is_kernels: u32::from(route.protocol) == bindings::RTPROT_KERNEL
            && kind == bindings::RTN_UNICAST,
    };
    if T::admits(&candidate) {
        NOTIFY_DONE
    } else {
        NOTIFY_NOT_PERMITTED
    }
}

const NOTIFY_DONE: c_int = 0;
/// `notifier_from_errno(-EPERM)`.
const NOTIFY_NOT_PERMITTED: c_int = 0x8002;
