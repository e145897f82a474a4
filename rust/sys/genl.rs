// SPDX-License-Identifier: GPL-2.0
//! A generic netlink family with one command, and what a command may wait for.

use super::{bindings as own, net_device::Namespace};
use kernel::{
    bindings,
    error::{from_result, to_result},
    ffi::c_int,
    prelude::*,
    str::CStr,
    types::Opaque,
};

/// What the family does.
pub(crate) trait Family: 'static {
    const NAME: &'static CStr;
    const VERSION: u32;
    const COMMAND: u8;

    /// The command, for the namespace it came from. Context: process, without RTNL; the caller has
    /// `CAP_NET_ADMIN` there. Commands run side by side.
    fn command(namespace: &Namespace) -> Result;
}

struct Commands<T: Family>(core::marker::PhantomData<T>);

impl<T: Family> Commands<T> {
    const OPS: [bindings::genl_small_ops; 1] = [bindings::genl_small_ops {
        doit: Some(doit::<T>),
        cmd: T::COMMAND,
        flags: own::GENL_UNS_ADMIN_PERM as u8,
        ..pin_init::zeroed()
    }];
    const REF: &'static [bindings::genl_small_ops; 1] = &Self::OPS;
}

/// The family exists while this does.
///
/// # Invariants
///
/// `family` is registered.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration {
    #[pin]
    family: Opaque<bindings::genl_family>,
}

// SAFETY: Nothing can be done with a reference to it.
unsafe impl Sync for Registration {}
// SAFETY: It may be unregistered by any thread.
unsafe impl Send for Registration {}

impl Registration {
    pub(crate) fn new<T: Family>(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            family <- Opaque::try_ffi_init(move |slot: *mut bindings::genl_family| {
                let mut family = bindings::genl_family {
                    version: T::VERSION,
                    n_small_ops: 1,
                    small_ops: Commands::<T>::REF.as_ptr(),
                    module: module.as_ptr(),
                    ..pin_init::zeroed()
                };
                for (to, from) in family.name.iter_mut().zip(T::NAME.to_bytes()) {
                    *to = *from;
                }
                family.set_netnsok(1);
                family.set_parallel_ops(1);
                // SAFETY: `slot` is valid for writing.
                unsafe { slot.write(family) };
                // SAFETY: The family stays there until it is unregistered.
                to_result(unsafe { bindings::genl_register_family(slot) })
            }),
        }? Error)
    }
}

#[pinned_drop]
impl PinnedDrop for Registration {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by the type's invariant.
        unsafe { bindings::genl_unregister_family(self.family.get()) };
    }
}

/// # Safety
///
/// Called by generic netlink, as the function of a command, only.
unsafe extern "C" fn doit<T: Family>(
    _skb: *mut bindings::sk_buff,
    info: *mut bindings::genl_info,
) -> c_int {
    // SAFETY: `info` is valid, and its namespace for as long.
    let namespace = unsafe { Namespace::from_raw((*info)._net.net.cast()) };
    from_result(|| T::command(&namespace).map(|()| 0))
}

/// Something that happens once.
#[pin_data]
pub(crate) struct Completion {
    #[pin]
    completion: Opaque<bindings::completion>,
}

// SAFETY: All its functions may be called by any thread at once.
unsafe impl Sync for Completion {}
// SAFETY: As above.
unsafe impl Send for Completion {}

impl Completion {
    pub(crate) fn new() -> impl PinInit<Self> {
        pin_init!(Self {
            completion <- Opaque::ffi_init(|slot: *mut bindings::completion| {
                // SAFETY: `slot` is valid for writing and stays where it is.
                unsafe { bindings::init_completion(slot) };
            }),
        })
    }

    /// It has happened. Any context.
    pub(crate) fn complete(&self) {
        // SAFETY: Initialised by the constructor.
        unsafe { bindings::complete_all(self.completion.get()) };
    }

    /// Waits until it has happened: for `timeout_ms` at most, then `EAGAIN`; until a signal, then
    /// `EINTR`. Context: process, without locks.
    pub(crate) fn wait(&self, timeout_ms: u32) -> Result {
        let timeout = kernel::time::msecs_to_jiffies(timeout_ms);
        // SAFETY: Initialised by the constructor.
        let left = unsafe {
            bindings::wait_for_completion_interruptible_timeout(
                self.completion.get(),
                timeout as usize,
            )
        };
        match left {
            0 => Err(EAGAIN),
            left if left < 0 => Err(EINTR),
            _ => Ok(()),
        }
    }
}
