// SPDX-License-Identifier: GPL-2.0
//! Notifier chains: what happens to devices, to IP addresses, and to the host as a whole.

use super::{
    bindings,
    namespace::for_each_device,
    net_device::{Mac, NetDevice, Rtnl},
    netlink::Extack,
};
use kernel::{
    error::{code::*, to_result, Error, Result},
    ffi::{c_int, c_ulong, c_void},
    prelude::*,
    sync::rcu::Guard,
    types::Opaque,
};

/// What can happen to a device, as far as it matters to a device on top of it.
#[derive(Clone, Copy)]
pub(crate) enum DeviceEvent<'a> {
    /// It was set up or down, or its carrier changed.
    State,
    /// It is about to be set down, and still sends.
    GoingDown,
    /// The link below has changed: switches and neighbours may have its addresses in the old place.
    NotifyPeers,
    /// It has another name.
    Name,
    /// Its MTU or its offloads changed.
    Limits,
    /// It is about to have this MAC address; may be refused.
    NextAddress(Mac),
    /// It has another MAC address.
    Address,
    /// It is being deleted, or leaves its namespace.
    Leaving,
    /// It is about to become another type of device; this one may be refused.
    TypeChange,
    /// This device is about to be stacked on it; may be refused.
    NextUpper(NextUpper<'a>),
    /// It has become a port of this device, as of a bridge; may be refused.
    PortOf(&'a NetDevice),
    /// It is not a port of this device any more.
    NoPortOf(&'a NetDevice),
}

/// A device that is about to be stacked on another one.
#[derive(Clone, Copy)]
pub(crate) struct NextUpper<'a> {
    pub(crate) device: &'a NetDevice,
    /// The other one becomes a port of it, as of a bridge.
    pub(crate) is_master: bool,
    pub(crate) extack: Extack<'a>,
}

/// The receiver of events. Context: process; of the first two: RTNL held.
pub(crate) trait Events: 'static {
    fn device(rtnl: &Rtnl<'_>, device: &NetDevice, event: DeviceEvent<'_>) -> Result;
    /// The list of IPv4 addresses of `device` has changed.
    fn addresses(rtnl: &Rtnl<'_>, device: &NetDevice);
    /// The list of IPv6 addresses of `device` has changed. Context: any but hard interrupts, with
    /// locks of IPv6 held.
    fn addresses_v6(device: &NetDevice);
    /// The host shuts down. Called for each device, under RCU.
    fn reboot(device: &NetDevice);
}

pub(super) type Call =
    unsafe extern "C" fn(*mut bindings::notifier_block, c_ulong, *mut c_void) -> c_int;
pub(super) type Chain = unsafe extern "C" fn(*mut bindings::notifier_block) -> c_int;

/// A registration with one chain. Dropping it unregisters, and waits for calls that are under way.
///
/// # Invariants
///
/// `block` is registered with the chain that `unregister` takes it out of.
#[pin_data(PinnedDrop)]
pub(super) struct Registration {
    #[pin]
    block: Opaque<bindings::notifier_block>,
    unregister: Chain,
}

// SAFETY: Nothing can be done with a reference to it.
unsafe impl Sync for Registration {}
// SAFETY: It may be unregistered by any thread.
unsafe impl Send for Registration {}

impl Registration {
    /// # Safety
    ///
    /// `call` is of the form that the chain calls; `register` and `unregister` are of one chain.
    pub(super) unsafe fn new(
        call: Call,
        register: Chain,
        unregister: Chain,
    ) -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            block <- Opaque::try_ffi_init(move |slot: *mut bindings::notifier_block| {
                let block = bindings::notifier_block {
                    notifier_call: Some(call),
                    ..pin_init::zeroed()
                };
                // SAFETY: `slot` is valid for writing.
                unsafe { slot.write(block) };
                // SAFETY: By this function's contract; the block is pinned.
                to_result(unsafe { register(slot) })
            }),
            unregister,
        }? Error)
    }
}

#[pinned_drop]
impl PinnedDrop for Registration {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: By the type's invariant.
        unsafe { (self.unregister)(self.block.get()) };
    }
}

/// Registered with all the chains.
#[pin_data]
pub(crate) struct Notifiers {
    #[pin]
    devices: Registration,
    #[pin]
    addresses: Registration,
    #[pin]
    addresses_v6: Registration,
    #[pin]
    reboot: Registration,
}

impl Notifiers {
    /// The chain of devices replays the events of devices that exist. Context: process, without
    /// RTNL.
    pub(crate) fn new<T: Events>() -> impl PinInit<Self, Error> {
        // SAFETY: Each function is of the form that its chain calls.
        let (devices, addresses, addresses_v6, reboot) = unsafe {
            (
                Registration::new(
                    device_event::<T>,
                    bindings::register_netdevice_notifier,
                    bindings::unregister_netdevice_notifier,
                ),
                Registration::new(
                    address_event::<T>,
                    bindings::register_inetaddr_notifier,
                    bindings::unregister_inetaddr_notifier,
                ),
                Registration::new(
                    address_v6_event::<T>,
                    bindings::register_inet6addr_notifier,
                    bindings::unregister_inet6addr_notifier,
                ),
                Registration::new(
                    reboot_event::<T>,
                    bindings::register_reboot_notifier,
                    bindings::unregister_reboot_notifier,
                ),
            )
        };
        try_pin_init!(Self {
            devices <- devices,
            addresses <- addresses,
            addresses_v6 <- addresses_v6,
            reboot <- reboot,
        }? Error)
    }
}

/// What an event of the chain of network devices means to a device on top. `None`: nothing.
///
/// # Safety
///
/// `info` is what the chain gives with `event`, and valid for `'a`.
unsafe fn device_event_of<'a>(event: c_ulong, info: *mut c_void) -> Option<DeviceEvent<'a>> {
    Some(match u32::try_from(event).unwrap_or(0) {
        bindings::netdev_cmd_NETDEV_PRE_CHANGEADDR => {
            let info: *mut bindings::netdev_notifier_pre_changeaddr_info = info.cast();
            let mut mac = Mac::default();
            // SAFETY: For this event `info` is of this type; an address is never longer than the
            // array it comes in, and an Ethernet device's is as long as this one.
            unsafe { mac.as_mut_ptr().copy_from((*info).dev_addr, mac.len()) };
            DeviceEvent::NextAddress(mac)
        }
        bindings::netdev_cmd_NETDEV_UP
        | bindings::netdev_cmd_NETDEV_DOWN
        | bindings::netdev_cmd_NETDEV_CHANGE => DeviceEvent::State,
        bindings::netdev_cmd_NETDEV_CHANGEMTU | bindings::netdev_cmd_NETDEV_FEAT_CHANGE => {
            DeviceEvent::Limits
        }
        bindings::netdev_cmd_NETDEV_GOING_DOWN => DeviceEvent::GoingDown,
        bindings::netdev_cmd_NETDEV_NOTIFY_PEERS | bindings::netdev_cmd_NETDEV_BONDING_FAILOVER => {
            DeviceEvent::NotifyPeers
        }
        bindings::netdev_cmd_NETDEV_CHANGENAME => DeviceEvent::Name,
        bindings::netdev_cmd_NETDEV_CHANGEADDR => DeviceEvent::Address,
        bindings::netdev_cmd_NETDEV_UNREGISTER => DeviceEvent::Leaving,
        bindings::netdev_cmd_NETDEV_PRE_TYPE_CHANGE => DeviceEvent::TypeChange,
        bindings::netdev_cmd_NETDEV_PRECHANGEUPPER => {
            // SAFETY: For this event `info` is of this type, and valid during the call.
            let info = unsafe { &*info.cast::<bindings::netdev_notifier_changeupper_info>() };
            if !info.linking {
                return None;
            }
            DeviceEvent::NextUpper(NextUpper {
                // SAFETY: The device that is named is valid during the call.
                device: unsafe { NetDevice::from_raw(info.upper_dev) },
                is_master: info.master,
                // SAFETY: Null or valid during the call.
                extack: unsafe { Extack::from_raw(info.info.extack) },
            })
        }
        bindings::netdev_cmd_NETDEV_CHANGEUPPER => {
            // SAFETY: For this event `info` is of this type, and valid during the call.
            let info = unsafe { &*info.cast::<bindings::netdev_notifier_changeupper_info>() };
            if !info.master {
                return None;
            }
            // SAFETY: The device that is named is valid during the call.
            let upper = unsafe { NetDevice::from_raw(info.upper_dev) };
            if info.linking {
                DeviceEvent::PortOf(upper)
            } else {
                DeviceEvent::NoPortOf(upper)
            }
        }
        _ => return None,
    })
}

/// # Safety
///
/// Called by the chain of network devices, only.
unsafe extern "C" fn device_event<T: Events>(
    _block: *mut bindings::notifier_block,
    event: c_ulong,
    info: *mut c_void,
) -> c_int {
    // SAFETY: By this function's contract.
    let Some(event) = (unsafe { device_event_of(event, info) }) else {
        return NOTIFY_DONE;
    };
    // SAFETY: On this chain `info` names a valid device.
    let device = unsafe { NetDevice::from_raw(bindings::carp_notifier_device(info)) };
    // SAFETY: This chain is called under RTNL.
    let rtnl = unsafe { Rtnl::assume_held() };
    match T::device(&rtnl, device, event) {
        Ok(()) => NOTIFY_DONE,
        Err(error) => refusal(error),
    }
}

/// # Safety
///
/// Called by the chain of IPv4 addresses, only.
unsafe extern "C" fn address_event<T: Events>(
    _block: *mut bindings::notifier_block,
    _event: c_ulong,
    info: *mut c_void,
) -> c_int {
    let ifa: *mut bindings::in_ifaddr = info.cast();
    // SAFETY: On this chain `info` is an address that is valid during the call, and with it the
    // IPv4 side of its device.
    let device = unsafe { NetDevice::from_raw((*(*ifa).ifa_dev).dev) };
    // SAFETY: This chain is called under RTNL.
    let rtnl = unsafe { Rtnl::assume_held() };
    T::addresses(&rtnl, device);
    NOTIFY_DONE
}

/// # Safety
///
/// Called by the chain of IPv6 addresses, only.
unsafe extern "C" fn address_v6_event<T: Events>(
    _block: *mut bindings::notifier_block,
    _event: c_ulong,
    info: *mut c_void,
) -> c_int {
    let ifa: *mut bindings::inet6_ifaddr = info.cast();
    // SAFETY: On this chain `info` is an address that is valid during the call, and with it the
    // IPv6 side of its device.
    T::addresses_v6(unsafe { NetDevice::from_raw((*(*ifa).idev).dev) });
    NOTIFY_DONE
}

/// # Safety
///
/// Called by the chain of reboots, only.
unsafe extern "C" fn reboot_event<T: Events>(
    _block: *mut bindings::notifier_block,
    _event: c_ulong,
    _info: *mut c_void,
) -> c_int {
    for_each_device(&Guard::new(), T::reboot);
    NOTIFY_DONE
}

pub(super) const NOTIFY_DONE: c_int = 0;

/// As `notifier_from_errno()`: ends the chain.
fn refusal(error: Error) -> c_int {
    const NOTIFY_OK: c_int = 1;
    const NOTIFY_STOP_MASK: c_int = 0x8000;
    NOTIFY_STOP_MASK | NOTIFY_OK.saturating_sub(error.to_errno())
}

/// A refusal of an event that may be refused.
pub(crate) const REFUSED: Error = EBUSY;
