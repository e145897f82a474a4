// SPDX-License-Identifier: GPL-2.0
//! What rtnetlink calls of a kind of link.
//!
//! Contexts: RTNL is held, except in `validate()`, which runs before it is taken, and in
//! `get_size()`.

use super::{device, owned, LinkKind, Private};
use crate::sys::{
    bindings,
    net_device::{NetDevice, Rtnl},
    netlink::{room, validate_strictly, Attributes, Extack, Report},
};
use core::ptr::NonNull;
use kernel::{error::from_result, ffi::c_int, prelude::*};

/// The operations of the kind `T`.
pub(super) fn ops<T: LinkKind>() -> Result<bindings::rtnl_link_ops> {
    Ok(bindings::rtnl_link_ops {
        kind: T::KIND.as_char_ptr(),
        priv_size: size_of::<Private<T>>(),
        setup: Some(setup),
        maxtype: u32::try_from(T::POLICY.len().saturating_sub(1))?,
        policy: T::POLICY.as_ptr(),
        validate: Some(validate::<T>),
        newlink: Some(newlink::<T>),
        changelink: Some(changelink::<T>),
        dellink: Some(dellink::<T>),
        get_size: Some(get_size::<T>),
        fill_info: Some(fill_info::<T>),
        get_xstats_size: Some(get_xstats_size::<T>),
        fill_xstats: Some(fill_xstats::<T>),
        ..pin_init::zeroed()
    })
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::setup`, only.
unsafe extern "C" fn setup(dev: *mut bindings::net_device) {
    // SAFETY: The core passes a new device.
    unsafe { bindings::carp_netdev_setup(dev) }
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::validate`, only.
unsafe extern "C" fn validate<T: LinkKind>(
    tb: *mut *mut bindings::nlattr,
    data: *mut *mut bindings::nlattr,
    extack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: The core passes tables of these sizes, valid during the call.
    let (link, data, extack) = unsafe {
        (
            Attributes::from_raw(tb, bindings::IFLA_MAX as usize),
            Attributes::from_raw(data, T::POLICY.len().saturating_sub(1)),
            Extack::from_raw(extack),
        )
    };
    from_result(|| {
        if let Some(info) = link.get(bindings::IFLA_LINKINFO) {
            validate_strictly(info, bindings::IFLA_INFO_DATA, T::POLICY, extack)?;
        }
        T::validate(&link, &data, extack)?;
        Ok(0)
    })
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::newlink`, only.
unsafe extern "C" fn newlink<T: LinkKind>(
    dev: *mut bindings::net_device,
    params: *mut bindings::rtnl_newlink_params,
    extack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: The core passes a new device of this kind, and tables valid during the call.
    let (device, link, data, extack) = unsafe {
        (
            NetDevice::from_raw(dev),
            Attributes::from_raw((*params).tb, bindings::IFLA_MAX as usize),
            Attributes::from_raw((*params).data, T::POLICY.len().saturating_sub(1)),
            Extack::from_raw(extack),
        )
    };
    // SAFETY: The core calls this under RTNL.
    let rtnl = unsafe { Rtnl::assume_held() };
    from_result(|| {
        let index = match link.get(bindings::IFLA_LINK) {
            Some(index) => index.u32()?,
            None => return Err(extack.refuse(EINVAL, c"a parent is needed: link DEVICE")),
        };
        // SAFETY: `params` is valid; under RTNL a device that is found stays.
        let parent = unsafe {
            bindings::__dev_get_by_index(bindings::carp_newlink_net(params), index as c_int)
        };
        let parent = NonNull::new(parent)
            .ok_or_else(|| extack.refuse(ENODEV, c"there is no such parent device"))?;
        // SAFETY: As above.
        let parent = unsafe { NetDevice::from_raw(parent.as_ptr()) };
        let this = T::create(&rtnl, device, parent, &link, &data, extack)?;
        // SAFETY: A new device of this kind, to which nothing has been done yet.
        unsafe { device::register(&rtnl, device, this) }?;
        T::registered(&rtnl, device);
        // SAFETY: The device was registered just now.
        unsafe { device::join_parent::<T>(&rtnl, device, parent, extack) }.map(|()| 0)
    })
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::changelink`, only.
unsafe extern "C" fn changelink<T: LinkKind>(
    dev: *mut bindings::net_device,
    tb: *mut *mut bindings::nlattr,
    data: *mut *mut bindings::nlattr,
    extack: *mut bindings::netlink_ext_ack,
) -> c_int {
    // SAFETY: The core passes a device of this kind, and tables valid during the call.
    let (this, link, data, extack) = unsafe {
        (
            owned::<T>(dev),
            Attributes::from_raw(tb, bindings::IFLA_MAX as usize),
            Attributes::from_raw(data, T::POLICY.len().saturating_sub(1)),
            Extack::from_raw(extack),
        )
    };
    // SAFETY: The core calls this under RTNL.
    let rtnl = unsafe { Rtnl::assume_held() };
    from_result(|| {
        if let Some(index) = link.get(bindings::IFLA_LINK) {
            if i64::from(index.u32()?) != i64::from(this.parent().index()) {
                return Err(extack.refuse(EOPNOTSUPP, c"the parent cannot be changed"));
            }
        }
        this.change(&rtnl, &data, extack)?;
        Ok(0)
    })
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::dellink`, only.
pub(super) unsafe extern "C" fn dellink<T: LinkKind>(
    dev: *mut bindings::net_device,
    list: *mut bindings::list_head,
) {
    // SAFETY: The core passes a device of this kind, under RTNL.
    let this = unsafe { owned::<T>(dev) };
    this.leaves();
    // SAFETY: As above.
    unsafe { bindings::unregister_netdevice_queue(dev, list) };
    // SAFETY: As above.
    unsafe { device::leave_parent::<T>(dev) };
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::get_size`, only.
unsafe extern "C" fn get_size<T: LinkKind>(_dev: *const bindings::net_device) -> usize {
    T::REPORT_ROOM
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::fill_info`, only.
unsafe extern "C" fn fill_info<T: LinkKind>(
    skb: *mut bindings::sk_buff,
    dev: *const bindings::net_device,
) -> c_int {
    // SAFETY: The core passes a registered device of this kind and a valid message.
    let (this, mut report) = unsafe { (owned::<T>(dev.cast_mut()), Report::from_raw(skb)) };
    from_result(|| this.report(&mut report).map(|()| 0))
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::get_xstats_size`, only.
unsafe extern "C" fn get_xstats_size<T: LinkKind>(_dev: *const bindings::net_device) -> usize {
    room(T::STATISTICS_ROOM)
}

/// # Safety
///
/// Called by rtnetlink, as `rtnl_link_ops::fill_xstats`, only.
unsafe extern "C" fn fill_xstats<T: LinkKind>(
    skb: *mut bindings::sk_buff,
    dev: *const bindings::net_device,
) -> c_int {
    // SAFETY: The core passes a registered device of this kind and a valid message.
    let (this, mut report) = unsafe { (owned::<T>(dev.cast_mut()), Report::from_raw(skb)) };
    from_result(|| {
        report.nest(bindings::IFLA_INFO_XSTATS, |nest| {
            this.report_statistics(nest)
        })?;
        Ok(0)
    })
}
