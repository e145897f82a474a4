// SPDX-License-Identifier: GPL-2.0
//! A generic netlink family with one command, and its answer, which may come later.
//!
//! Families of the kernel crate have no commands: they only send to multicast groups.

use super::{
    bindings as own,
    namespace::{Namespace, NamespaceRef},
    netlink::Extack,
};
use core::{marker::PhantomData, ptr::NonNull};
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

    /// The command. Context: process, without RTNL, with generic netlink's lock for reading; the
    /// caller has `CAP_NET_ADMIN` in its namespace. Commands run side by side.
    fn command(request: &Request<'_>) -> Result;
}

struct Commands<T: Family>(PhantomData<T>);

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
    // INVARIANT: The core passes a valid one, which stays as long as the function runs.
    let request = Request(info, PhantomData);
    from_result(|| T::command(&request).map(|()| 0))
}

/// A command that was received.
///
/// # Invariants
///
/// The pointer is valid while this lives.
pub(crate) struct Request<'a>(*mut bindings::genl_info, PhantomData<&'a ()>);

impl Request<'_> {
    /// Where it came from.
    pub(crate) fn namespace(&self) -> &Namespace {
        // SAFETY: `info` is valid by the type's invariant, and its namespace for as long.
        unsafe { Namespace::from_raw((*self.0)._net.net.cast()) }
    }

    pub(crate) fn extack(&self) -> Extack<'_> {
        // SAFETY: As above.
        unsafe { Extack::from_raw((*self.0).extack.cast()) }
    }

    /// The answer, to be sent when there is something to say.
    pub(crate) fn reply(&self) -> Result<Reply> {
        // SAFETY: As above.
        let skb = unsafe { own::carp_genl_reply(self.0.cast()) };
        // SAFETY: As above.
        let portid = unsafe { (*self.0).snd_portid };
        let skb = NonNull::new(skb).ok_or(ENOMEM)?;
        // INVARIANT: Made just now, for this.
        Ok(Reply { skb, portid })
    }
}

/// An answer, and its receiver.
///
/// # Invariants
///
/// `skb` is a message that only this has.
pub(crate) struct Reply {
    skb: NonNull<own::sk_buff>,
    portid: u32,
}

// SAFETY: A message may be sent or freed by any thread.
unsafe impl Send for Reply {}

impl Reply {
    /// Sends it to the requester, in this namespace, without waiting. Any context.
    pub(crate) fn send(self, namespace: &NamespaceRef) {
        let this = core::mem::ManuallyDrop::new(self);
        // Fails if nobody listens any more.
        // SAFETY: The namespace is counted; the message is given away.
        unsafe { own::carp_genl_send(namespace.as_ptr(), this.skb.as_ptr(), this.portid) };
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant it is ours.
        unsafe { own::carp_skb_free(self.skb.as_ptr()) }
    }
}
