// SPDX-License-Identifier: GPL-2.0
//! Validators: which addresses a device may be given.

use super::{
    bindings, inet, inet6,
    net_device::NetDevice,
    netlink::Extack,
    notifier::{Registration, NOTIFY_DONE},
};
use core::net::IpAddr;
use kernel::{
    ffi::{c_int, c_ulong, c_void},
    prelude::*,
    sync::rcu::Guard,
};

/// What is asked. Context: process.
pub(crate) trait Rules: 'static {
    /// Why `device` may not have this address, by itself.
    fn refuse_address(device: &NetDevice, address: IpAddr) -> Option<&'static CStr>;

    /// How many addresses `device` may have, both families together, and the message that refuses
    /// one more.
    fn limit(device: &NetDevice) -> Option<(usize, &'static CStr)>;

    /// Why `device` may not have an address that `other` has, if that is so. Asked for every other
    /// device of the namespace, whether it has the address or not.
    fn refuse(
        guard: &Guard,
        device: &NetDevice,
        other: &NetDevice,
        is_link_local: bool,
    ) -> Option<&'static CStr>;
}

/// Registered for both families.
#[pin_data]
pub(crate) struct Validators {
    #[pin]
    v4: Registration,
    #[pin]
    v6: Registration,
}

impl Validators {
    pub(crate) fn new<T: Rules>() -> impl PinInit<Self, Error> {
        // SAFETY: Each function is of the form that its chain calls.
        let (v4, v6) = unsafe {
            (
                Registration::new(
                    validate_v4::<T>,
                    bindings::register_inetaddr_validator_notifier,
                    bindings::unregister_inetaddr_validator_notifier,
                ),
                Registration::new(
                    validate_v6::<T>,
                    bindings::register_inet6addr_validator_notifier,
                    bindings::unregister_inet6addr_validator_notifier,
                ),
            )
        };
        try_pin_init!(Self {
            v4 <- v4,
            v6 <- v6,
        }? Error)
    }
}

/// # Safety
///
/// Called by the validator chain of IPv4 addresses, only.
unsafe extern "C" fn validate_v4<T: Rules>(
    _block: *mut bindings::notifier_block,
    _event: c_ulong,
    info: *mut c_void,
) -> c_int {
    let info: *mut bindings::in_validator_info = info.cast();
    // SAFETY: On this chain `info` is of this type; device and answer are valid during the call.
    let (address, device, extack) = unsafe {
        (
            (*info).ivi_addr.to_ne_bytes(),
            NetDevice::from_raw((*(*info).ivi_dev).dev),
            Extack::from_raw((*info).extack),
        )
    };
    answer::<T>(extack, device, address.into(), |guard, other| {
        inet::addresses_rcu(guard, other).any(|has| has == address)
    })
}

/// # Safety
///
/// Called by the validator chain of IPv6 addresses, only.
unsafe extern "C" fn validate_v6<T: Rules>(
    _block: *mut bindings::notifier_block,
    _event: c_ulong,
    info: *mut c_void,
) -> c_int {
    let info: *mut bindings::in6_validator_info = info.cast();
    // SAFETY: On this chain `info` is of this type; device and answer are valid during the call.
    let (address, device, extack) = unsafe {
        (
            (*info).i6vi_addr.in6_u.u6_addr8,
            NetDevice::from_raw((*(*info).i6vi_dev).dev),
            Extack::from_raw((*info).extack),
        )
    };
    answer::<T>(extack, device, address.into(), |guard, other| {
        inet6::addresses_rcu(guard, other).any(|has| has.address() == address)
    })
}

fn answer<T: Rules>(
    extack: Extack<'_>,
    device: &NetDevice,
    address: IpAddr,
    has_it: impl Fn(&Guard, &NetDevice) -> bool,
) -> c_int {
    if let Some(message) = T::refuse_address(device, address) {
        return notify(extack.refuse(EADDRNOTAVAIL, message));
    }
    let is_link_local = matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let guard = Guard::new();
    let refusal = device
        .namespace_rcu(&guard)
        .devices_rcu(&guard)
        .filter(|other| !other.is(device))
        .find_map(|other| {
            T::refuse(&guard, device, other, is_link_local).filter(|_| has_it(&guard, other))
        });
    if let Some(message) = refusal {
        return notify(extack.refuse(EADDRINUSE, message));
    }
    if let Some((limit, message)) = T::limit(device) {
        let v4 = inet::addresses_rcu(&guard, device).count();
        let v6 = inet6::addresses_rcu(&guard, device).count();
        if v4.saturating_add(v6) >= limit {
            return notify(extack.refuse(ENOSPC, message));
        }
    }
    NOTIFY_DONE
}

/// What `notifier_from_errno()` makes of it.
fn notify(error: Error) -> c_int {
    0x8000 | 1_i32.saturating_sub(error.to_errno())
}
