// SPDX-License-Identifier: GPL-2.0
//! A device of a kind of link: how it is registered and deleted, and what the core calls of it.
//!
//! Contexts: RTNL is held; but not where packets leave, with softirqs off, nor where the device is
//! freed.

use super::{owned, private, LinkKind};
use crate::sys::{
    bindings,
    net_device::{NetDevice, Rtnl},
    netlink::Extack,
    skb::OwnedSkb,
};
use core::{
    marker::PhantomData,
    ptr::{self, NonNull},
};
use kernel::{
    error::{from_result, to_result},
    ffi::{c_int, c_uint, c_void},
    prelude::*,
    sync::{
        atomic::{Full, Relaxed, Release},
        rcu::Guard,
        Arc,
    },
};

/// The device operations for one kind.
struct DeviceOps<T>(PhantomData<T>);

impl<T: LinkKind> DeviceOps<T> {
    const OPS: bindings::net_device_ops = bindings::net_device_ops {
        ndo_init: Some(init::<T>),
        ndo_uninit: Some(uninit::<T>),
        ndo_open: Some(open::<T>),
        ndo_stop: Some(stop::<T>),
        ndo_start_xmit: Some(start_xmit::<T>),
        ndo_set_rx_mode: Some(set_rx_mode),
        ndo_validate_addr: Some(bindings::eth_validate_addr),
        ndo_get_iflink: Some(get_iflink::<T>),
        ..pin_init::zeroed()
    };
    const REF: &'static bindings::net_device_ops = &Self::OPS;
}

/// Registers a device that owns `this`.
///
/// # Safety
///
/// `device` is a new device of this kind, which nobody else knows.
pub(super) unsafe fn register<T: LinkKind>(
    _rtnl: &Rtnl<'_>,
    device: &NetDevice,
    this: Arc<T>,
) -> Result {
    let dev = device.as_ptr();
    // INVARIANT: Counts for the device from here on.
    // SAFETY: By this function's contract.
    unsafe { private::<T>(dev) }
        .owned
        .store(Arc::into_raw(this), Release);
    // SAFETY: By this function's contract.
    unsafe { (*dev).netdev_ops = DeviceOps::<T>::REF };
    device.set_carrier(false);
    // SAFETY: The device is complete.
    if let Err(error) = to_result(unsafe { bindings::register_netdevice(dev) }) {
        // SAFETY: The destructor below is not set yet, so it has not run.
        unsafe { destroy::<T>(dev) };
        return Err(error);
    }
    // Set only now: when registering fails the core may or may not have called it.
    // SAFETY: The device is registered, under RTNL.
    unsafe { (*dev).priv_destructor = Some(destroy::<T>) };
    // SAFETY: `uninit()` clears it; the core waits for a grace period after that.
    unsafe { owned::<T>(dev).device().set(device) };
    Ok(())
}

/// Has the device stand on `parent`, or deletes it.
///
/// # Safety
///
/// `device` is a registered device of this kind.
pub(super) unsafe fn join_parent<T: LinkKind>(
    _rtnl: &Rtnl<'_>,
    device: &NetDevice,
    parent: &NetDevice,
    extack: Extack<'_>,
) -> Result {
    let dev = device.as_ptr();
    // SAFETY: Both devices are registered, under RTNL.
    let linked = to_result(unsafe {
        bindings::netdev_upper_dev_link(parent.as_ptr(), dev, extack.as_ptr())
    });
    // SAFETY: By this function's contract.
    let private = unsafe { private::<T>(dev) };
    private.linked.store(linked.is_ok(), Relaxed);
    if linked.is_err() {
        // SAFETY: The device is registered, under RTNL.
        unsafe { bindings::unregister_netdevice_queue(dev, ptr::null_mut()) };
    }
    linked
}

/// Takes the device off its parent, once.
///
/// # Safety
///
/// `dev` is a registered device of this kind, under RTNL.
pub(super) unsafe fn leave_parent<T: LinkKind>(dev: *mut bindings::net_device) {
    // SAFETY: By this function's contract.
    let private = unsafe { private::<T>(dev) };
    if private.linked.xchg(false, Relaxed) {
        // SAFETY: By this function's contract.
        let this = unsafe { owned::<T>(dev) };
        // SAFETY: They were linked, under RTNL.
        unsafe { bindings::netdev_upper_dev_unlink(this.parent().as_ptr(), dev) };
    }
}

/// # Safety
///
/// Called by the core as `net_device::priv_destructor`, or by `register()` in its place, only.
unsafe extern "C" fn destroy<T: LinkKind>(dev: *mut bindings::net_device) {
    // SAFETY: The core passes a device of this kind that nobody uses any more.
    let private = unsafe { private::<T>(dev) };
    let owned = private.owned.xchg(ptr::null(), Full);
    if !owned.is_null() {
        // SAFETY: It came from `into_raw()` by the type's invariant.
        drop(unsafe { Arc::from_raw(owned) });
    }
}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_init`, only.
unsafe extern "C" fn init<T: LinkKind>(dev: *mut bindings::net_device) -> c_int {
    // SAFETY: The core passes a device that is being registered.
    unsafe { bindings::carp_netdev_set_lockdep(dev) };
    0
}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_uninit`, only.
unsafe extern "C" fn uninit<T: LinkKind>(dev: *mut bindings::net_device) {
    // SAFETY: The core passes a device of this kind, under RTNL; `owned` was set before it was
    // registered.
    unsafe { leave_parent::<T>(dev) };
    // SAFETY: As above.
    let (rtnl, this) = unsafe { (Rtnl::assume_held(), owned::<T>(dev)) };
    this.unregistered(&rtnl);
    this.device().clear();
}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_open`, only.
unsafe extern "C" fn open<T: LinkKind>(dev: *mut bindings::net_device) -> c_int {
    // SAFETY: The core calls this under RTNL, with a registered device of this kind.
    let (rtnl, this, device) = unsafe {
        (
            Rtnl::assume_held(),
            owned::<T>(dev),
            NetDevice::from_raw(dev),
        )
    };
    let watch = this.watch();
    from_result(|| {
        // SAFETY: The kind is registered. A device of this kind never leaves its namespace, and is
        // set down before it is freed, for which the core waits for a grace period. It owns the
        // watch.
        unsafe { watch.open::<T::Stack>(&rtnl, device, early_transmit::<T>) }?;
        this.open(&rtnl)
            .map(|()| 0)
            // SAFETY: Opened just now.
            .inspect_err(|_| unsafe { watch.close(&rtnl, device) })
    })
}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_stop`, only.
unsafe extern "C" fn stop<T: LinkKind>(dev: *mut bindings::net_device) -> c_int {
    // SAFETY: The core calls this under RTNL, with a registered device of this kind.
    let (rtnl, this, device) = unsafe {
        (
            Rtnl::assume_held(),
            owned::<T>(dev),
            NetDevice::from_raw(dev),
        )
    };
    this.stop(&rtnl);
    // SAFETY: `open()` has opened it.
    unsafe { this.watch().close(&rtnl, device) };
    0
}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_start_xmit`, only.
unsafe extern "C" fn start_xmit<T: LinkKind>(
    skb: *mut bindings::sk_buff,
    dev: *mut bindings::net_device,
) -> bindings::netdev_tx_t {
    // SAFETY: The core passes a registered device of this kind.
    let (this, device) = unsafe { (owned::<T>(dev), NetDevice::from_raw(dev)) };
    let sent = NonNull::new(skb).is_some_and(|skb| {
        // SAFETY: The core gives the packet away.
        let skb = unsafe { OwnedSkb::from_raw(skb) };
        let len = skb.len();
        let sent = this
            .output_device(&Guard::new())
            .is_some_and(|output_device| skb.transmit(output_device).is_ok());
        if sent {
            // SAFETY: The device is alive.
            unsafe { bindings::carp_count_sent(dev, len) };
        }
        sent
    });
    if !sent {
        device.count_not_sent();
    }
    bindings::netdev_tx_NETDEV_TX_OK
}

/// Sends packets while the device has a carrier and no queue yet. The core gives it a queue under
/// RTNL, some time after the carrier is up, and would drop the packets until then.
///
/// # Safety
///
/// Called by netfilter, as an egress hook of a device of this kind, only.
unsafe extern "C" fn early_transmit<T: LinkKind>(
    _private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: Netfilter passes a valid state; on the way out it has the sending device.
    let dev = unsafe { (*state).out };
    // SAFETY: As above.
    if unsafe { NetDevice::from_raw(dev) }.has_queue() {
        return bindings::NF_ACCEPT;
    }
    // SAFETY: As above; the packet was given to this hook, which does not give it back.
    unsafe { start_xmit::<T>(skb, dev) };
    bindings::NF_STOLEN
}

/// There is no hardware to set up. Only with this function the core lets addresses be added.
///
/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_set_rx_mode`, only.
unsafe extern "C" fn set_rx_mode(_dev: *mut bindings::net_device) {}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_get_iflink`, only.
unsafe extern "C" fn get_iflink<T: LinkKind>(dev: *const bindings::net_device) -> c_int {
    // SAFETY: The core passes a registered device of this kind.
    unsafe { owned::<T>(dev.cast_mut()) }.parent().index()
}
