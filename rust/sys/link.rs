// SPDX-License-Identifier: GPL-2.0
//! A kind of link: what `ip link add … type KIND` makes, and the device that comes of it.
//!
//! The module has one kind. Each of its devices owns one `T`, which others may hold as well. A
//! device stands on a parent, and is deleted with it.
//!
//! * `kind`: what rtnetlink calls.
//! * `device`: what the core calls, and the packets that leave by the device.

mod device;
mod kind;

use super::{
    bindings,
    net_device::{NetDevice, RcuDevice, Rtnl},
    netlink::{Attributes, Extack, Policy, Report},
    stack_hook::{self, StackHook, Watch},
};
use core::{marker::PhantomData, mem::MaybeUninit, ptr};
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::{
        atomic::{Acquire, Atomic, Full, Release},
        rcu::Guard,
        Arc, ArcBorrow,
    },
    types::Opaque,
};

/// What a kind of link is made of.
pub(crate) trait LinkKind: Send + Sync + Sized + 'static {
    const KIND: &'static CStr;
    /// One entry for each attribute, 0 included.
    const POLICY: &'static [Policy];
    /// The hooks in the stack of each namespace where a device of this kind is up.
    type Stack: StackHook;

    /// Upper bounds of what `report()` and `report_statistics()` add.
    const REPORT_ROOM: usize;
    const STATISTICS_ROOM: usize;

    /// A static of the implementation's, the same each time.
    fn ops() -> &'static LinkOps<Self>;

    /// Checks a request by itself. Context: process, without RTNL.
    fn validate(link: &Attributes<'_>, data: &Attributes<'_>, extack: Extack<'_>) -> Result;

    /// Makes what `device` will own. The device is not registered yet. `parent` may be any device.
    fn create(
        rtnl: &Rtnl<'_>,
        device: &NetDevice,
        parent: &NetDevice,
        link: &Attributes<'_>,
        data: &Attributes<'_>,
        extack: Extack<'_>,
    ) -> Result<Arc<Self>>;

    /// The device is registered, so other parts of the kernel have set up their state for it.
    fn registered(rtnl: &Rtnl<'_>, device: &NetDevice);

    /// Changes what `data` asks for, or nothing.
    fn change(
        self: ArcBorrow<'_, Self>,
        rtnl: &Rtnl<'_>,
        data: &Attributes<'_>,
        extack: Extack<'_>,
    ) -> Result;

    /// Where it finds the device that it belongs to; filled and cleared by this module.
    fn device(&self) -> &RcuDevice;

    /// Its share in the hooks of its namespace.
    fn watch(&self) -> &Watch;

    /// The device is set up.
    fn open(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result;

    /// The device is about to be deleted, maybe together with the devices below it. Context: RTNL.
    fn leaves(&self);

    /// The device is set down, or deleted while it is up.
    fn stop(&self, rtnl: &Rtnl<'_>);

    /// The device is deleted, and does not stand on its parent any more.
    fn unregistered(&self, rtnl: &Rtnl<'_>);

    /// The device by which a packet leaves now, if it may. Context: softirqs off.
    fn output_device(&self, guard: &Guard) -> Option<&NetDevice>;

    fn parent(&self) -> &NetDevice;

    /// Context: RTNL or RCU.
    fn report(&self, report: &mut Report<'_>) -> Result;

    fn report_statistics(&self, report: &mut Report<'_>) -> Result;
}

/// A device's private data.
///
/// # Invariants
///
/// `owned` is null, or came from `Arc::into_raw()` and counts for this device.
struct Private<T> {
    owned: Atomic<*const T>,
    /// The device stands on its parent.
    linked: Atomic<bool>,
}

/// What rtnetlink knows of one kind. A device that has these operations is of this kind.
///
/// # Invariants
///
/// While they are registered, `is_registered` is set and rtnetlink alone writes `ops`. They are
/// those of `T`, so a device that has them was made with room for a `Private<T>`.
pub(crate) struct LinkOps<T> {
    ops: Opaque<bindings::rtnl_link_ops>,
    is_registered: Atomic<bool>,
    _kind: PhantomData<fn() -> T>,
}

// SAFETY: Written by the one that has set `is_registered`, and by the core alone after that.
unsafe impl<T> Sync for LinkOps<T> {}

impl<T: LinkKind> LinkOps<T> {
    pub(crate) const fn new() -> Self {
        Self {
            ops: Opaque::uninit(),
            is_registered: Atomic::new(false),
            _kind: PhantomData,
        }
    }

    fn register(&'static self) -> Result<&'static Self> {
        let ops = kind::ops::<T>()?;
        if self.is_registered.xchg(true, Full) {
            return Err(EBUSY);
        }
        // SAFETY: Not registered until now, and by nobody else: nobody else uses it.
        unsafe { self.ops.get().write(ops) };
        // SAFETY: The ops are static and complete.
        to_result(unsafe { bindings::rtnl_link_register(self.ops.get()) })
            .inspect_err(|_| self.is_registered.store(false, Release))?;
        Ok(self)
    }

    /// # Safety
    ///
    /// They are registered.
    unsafe fn unregister(&'static self) {
        // SAFETY: By this function's contract. RTNL is not held: modules come and go without.
        unsafe { bindings::rtnl_link_unregister(self.ops.get()) };
        self.is_registered.store(false, Release);
    }
}

/// The kind `T` exists while this does. Dropping it deletes all its devices, in all namespaces.
///
/// # Invariants
///
/// `ops` is registered, for this.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration<T: LinkKind> {
    #[pin]
    _entered: stack_hook::Entered,
    ops: &'static LinkOps<T>,
}

impl<T: LinkKind> Registration<T> {
    /// Fails if there is one of this kind.
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        // INVARIANT: Registered last.
        try_pin_init!(Self {
            _entered <- stack_hook::Entered::new(),
            ops: T::ops().register()?,
        }? Error)
    }
}

#[pinned_drop]
impl<T: LinkKind> PinnedDrop for Registration<T> {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type's invariant.
        unsafe { self.ops.unregister() }
    }
}

/// # Safety
///
/// `dev` is a device of this kind.
unsafe fn private<'a, T: LinkKind>(dev: *mut bindings::net_device) -> &'a Private<T> {
    // SAFETY: A device of this kind was made with room for a `Private<T>`, zeroed, which is valid.
    unsafe { &*bindings::carp_netdev_priv(dev).cast() }
}

/// # Safety
///
/// `dev` is a device of this kind whose `newlink()` has come as far as setting `owned`.
unsafe fn owned<'a, T: LinkKind>(dev: *mut bindings::net_device) -> ArcBorrow<'a, T> {
    // SAFETY: By this function's contract.
    let owned = unsafe { private::<T>(dev) }.owned.load(Acquire);
    // SAFETY: By this function's contract; the device keeps it until its destructor runs.
    unsafe { ArcBorrow::from_raw(owned) }
}

/// What `device` owns, if it is of this kind and owns it already.
pub(crate) fn of<T: LinkKind>(device: &NetDevice) -> Option<ArcBorrow<'_, T>> {
    let dev = device.as_ptr();
    // SAFETY: The device is alive.
    let ops = unsafe { (*dev).rtnl_link_ops };
    if !ptr::eq(ops, T::ops().ops.get()) {
        return None;
    }
    // SAFETY: Of this kind by its ops.
    let owned = unsafe { private::<T>(dev) }.owned.load(Acquire);
    // SAFETY: By the invariant of `Private`; the device keeps it until its destructor runs, which
    // it does not while the device is borrowed.
    (!owned.is_null()).then(|| unsafe { ArcBorrow::from_raw(owned) })
}

/// Deletes all devices of this kind that stand on `parent`.
pub(crate) fn delete_uppers<T: LinkKind>(rtnl: &Rtnl<'_>, parent: &NetDevice) {
    let mut list = MaybeUninit::<bindings::list_head>::uninit();
    let head = list.as_mut_ptr();
    // SAFETY: `head` is valid for writing: an empty list.
    unsafe {
        head.write(bindings::list_head {
            next: head,
            prev: head,
        })
    };
    loop {
        let upper = parent.find_upper(rtnl, |upper| of::<T>(upper).map(|_| upper.as_ptr()));
        let Some(upper) = upper else { break };
        // SAFETY: A device of this kind, under RTNL, which keeps it. It leaves the list of uppers.
        unsafe { kind::dellink::<T>(upper, head) };
    }
    // SAFETY: A list of devices that were queued for it, under RTNL.
    unsafe { bindings::unregister_netdevice_many(head) };
}
