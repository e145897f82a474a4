// SPDX-License-Identifier: GPL-2.0
//! A say in which routes get into the tables, in all namespaces; and what the tables make of the
//! local routes among them.
//!
//! As soon as anybody but the kernel itself has added a local route of IPv4, the kernel looks up
//! the source of each packet that it receives in the routes, for ever. The routes that are added
//! for addresses of ours are no reason for that.

use super::{
    bindings,
    net_device::NetDevice,
    pernet::{PerNet, RcuPernetData, Registration},
};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::to_result,
    ffi::{c_int, c_ulong, c_void},
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Release},
        rcu::Guard,
    },
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
    /// It is to link-local addresses, of IPv6: only for whoever asks for this device.
    pub(crate) is_of_link: bool,
}

/// Who is asked. Context: any but hard interrupts; must not sleep, nor look anything up in a table.
/// It is asked for every route of the host: most must be let in at once.
pub(crate) trait Veto: 'static {
    fn admits(candidate: &Candidate<'_>) -> bool;
}

/// What each namespace has of ours.
#[repr(C)]
struct Fib {
    notifier: Opaque<bindings::notifier_block>,
    /// The administrator has, or has had, local routes of IPv4.
    is_custom: Atomic<bool>,
}

// SAFETY: Zeros are valid in each field.
unsafe impl Zeroable for Fib {}

// SAFETY: The core alone uses `notifier` while it is registered.
unsafe impl Sync for Fib {}

static FIB: RcuPernetData<Fib> = RcuPernetData::new();

/// The vetoes of all namespaces.
#[pin_data(PinnedDrop)]
pub(crate) struct Vetoes {
    #[pin]
    registration: Registration,
}

impl Vetoes {
    /// Once a module. Walks all routes of the host; fails with `EBUSY` if they change faster than
    /// that.
    pub(crate) fn new<T: Veto>() -> impl PinInit<Self, Error> {
        let this = try_pin_init!(Self {
            registration <- Registration::new::<InNamespace<T>>(Some(&FIB.data)),
        }? Error);
        this.pin_chain(|_| {
            // SAFETY: Registered just now; dropping this closes it before it is not any more.
            unsafe { FIB.open() };
            Ok(())
        })
    }
}

#[pinned_drop]
impl PinnedDrop for Vetoes {
    fn drop(self: Pin<&mut Self>) {
        FIB.close();
    }
}

/// We have added local routes of IPv4 in the namespace of `near`, for addresses of its devices.
/// Those are the kernel's own: has it look up sources in the routes only if the administrator has
/// added some, too.
pub(crate) fn disown_local_routes(guard: &Guard, near: &NetDevice) {
    let Some(Fib { is_custom, .. }) = FIB.get(guard, near) else {
        return;
    };
    let net = near.net();
    // SAFETY: The namespace is valid as long as the device is alive.
    let look_up_sources = |yes| unsafe { bindings::carp_fib_set_custom_local_routes(net, yes) };
    look_up_sources(is_custom.load(Acquire));
    // The administrator's route was noted before the kernel noted it: so this is not lost.
    if is_custom.load(Acquire) {
        look_up_sources(true);
    }
}

struct InNamespace<T>(PhantomData<T>);

impl<T: Veto> PerNet for InNamespace<T> {
    unsafe fn enter(net: *mut bindings::net) -> Result {
        // SAFETY: By this function's contract.
        let fib: *mut Fib = unsafe { FIB.data.get(net) };
        // SAFETY: PernetData for a `Fib`, which nobody knows yet.
        let block = unsafe {
            fib.write(Fib {
                notifier: Opaque::new(bindings::notifier_block {
                    notifier_call: Some(event::<T>),
                    // A route that is not let in is not told to anybody else.
                    priority: i32::MAX,
                    ..pin_init::zeroed()
                }),
                is_custom: Atomic::new(bindings::carp_fib_has_custom_local_routes(net)),
            });
            (*fib).notifier.get()
        };
        // SAFETY: The namespace is valid, the notifier stays until it is unregistered.
        to_result(unsafe { bindings::register_fib_notifier(net, block, None, ptr::null_mut()) })
    }

    unsafe fn leave(net: *mut bindings::net) {
        // SAFETY: Registered when the namespace was entered. Waits until nobody is being told.
        unsafe { bindings::unregister_fib_notifier(net, FIB.data.get(net)) };
    }
}

/// # Safety
///
/// Called by the chain of routes, only.
unsafe extern "C" fn event<T: Veto>(
    block: *mut bindings::notifier_block,
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
    if route.custom_local {
        // SAFETY: The first field of a `Fib`, which lives as long as its notifier is registered.
        unsafe { &*block.cast::<Fib>() }
            .is_custom
            .store(true, Release);
    }
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
