// SPDX-License-Identifier: GPL-2.0
//! A say in which routes get into the tables, in all namespaces.

use super::{
    bindings,
    net_device::NetDevice,
    pernet::{PerNet, PernetData, Registration},
};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::to_result,
    ffi::{c_int, c_ulong, c_void},
    prelude::*,
};

/// A route that is about to get into a table.
pub(crate) struct Candidate<'a> {
    /// By which it leaves.
    pub(crate) device: &'a NetDevice,
    /// It says that this host has the address; or that it is a broadcast address of it.
    pub(crate) is_local: bool,
    /// The kernel has made it for an address.
    pub(crate) is_kernels: bool,
    /// It is to link-local addresses, of IPv6: only for whoever asks for this device.
    pub(crate) is_of_link: bool,
}

/// Who is asked. Context: any but hard interrupts; must not sleep, nor look anything up in a table.
/// It is asked for every route of the host: most must be let in at once.
pub(crate) trait Veto: 'static {
    fn admits(candidate: &Candidate<'_>) -> bool;
}

/// Each namespace's own notifier.
static NOTIFIER: PernetData = PernetData::of::<bindings::notifier_block>();

/// The vetoes of all namespaces.
#[pin_data]
pub(crate) struct Vetoes {
    #[pin]
    registration: Registration,
}

impl Vetoes {
    /// Once a module. Walks all routes of the host; fails with `EBUSY` if they change faster than
    /// that.
    pub(crate) fn new<T: Veto>() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            registration <- Registration::new::<InNamespace<T>>(Some(&NOTIFIER)),
        }? Error)
    }
}

struct InNamespace<T>(PhantomData<T>);

impl<T: Veto> PerNet for InNamespace<T> {
    unsafe fn enter(net: *mut bindings::net) -> Result {
        // SAFETY: By this function's contract.
        let block: *mut bindings::notifier_block = unsafe { NOTIFIER.get(net) };
        // SAFETY: PernetData for a notifier, which nobody knows yet.
        unsafe {
            block.write(bindings::notifier_block {
                notifier_call: Some(event::<T>),
                // A route that is not let in is not told to anybody else.
                priority: i32::MAX,
                ..pin_init::zeroed()
            })
        };
        // SAFETY: The namespace is valid, the notifier stays until it is unregistered.
        to_result(unsafe { bindings::register_fib_notifier(net, block, None, ptr::null_mut()) })
    }

    unsafe fn leave(net: *mut bindings::net) {
        // SAFETY: Registered when the namespace was entered. Waits until nobody is being told.
        unsafe { bindings::unregister_fib_notifier(net, NOTIFIER.get(net)) };
    }
}

/// # Safety
///
/// Called by the chain of routes, only.
unsafe extern "C" fn event<T: Veto>(
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
        is_of_link: route.of_link,
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
