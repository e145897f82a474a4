// SPDX-License-Identifier: GPL-2.0
//! A kind of link: what `ip link add … type KIND` makes, and the device that comes of it.
//!
//! The module has one kind. Each of its devices owns one `T`, which lives as long as the device and
//! as anybody else who holds it. A device stands on a parent and goes when that goes.

use super::{
    bindings,
    hook::EgressHook,
    net_device::{NetDevice, RcuDevice, Rtnl},
    netlink::{validate_strictly, Attributes, Extack, Policy, Report},
    skb::OwnedSkb,
    stack_hook::{self, StackHook},
};
use core::{
    marker::PhantomData,
    mem::MaybeUninit,
    ptr::{self, NonNull},
};
use kernel::{
    error::{from_result, to_result},
    ffi::{c_int, c_uint, c_void},
    prelude::*,
    str::CStr,
    sync::{rcu::Guard, Arc, ArcBorrow},
    types::Opaque,
};

/// What a kind of link is made of.
pub(crate) trait LinkKind: Send + Sync + Sized + 'static {
    const KIND: &'static CStr;
    /// One entry for each attribute, 0 included.
    const POLICY: &'static [Policy];
    /// What has a say in the stack of each namespace that has a device of this kind.
    type Stack: StackHook;

    /// Upper bounds of what `report()` and `report_statistics()` add.
    const REPORT_ROOM: usize;
    const STATISTICS_ROOM: usize;

    /// Checks a request by itself. Context: process, without RTNL.
    fn validate(link: &Attributes<'_>, data: &Attributes<'_>, extack: Extack<'_>) -> Result;

    /// Makes what `device`, which is not registered yet, will own. `parent` may be any device.
    fn create(
        rtnl: &Rtnl<'_>,
        device: &NetDevice,
        parent: &NetDevice,
        link: &Attributes<'_>,
        data: &Attributes<'_>,
        extack: Extack<'_>,
    ) -> Result<Arc<Self>>;

    /// The device is registered: the rest of the kernel has its part of it too.
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

    /// The device is set up.
    fn open(self: ArcBorrow<'_, Self>, rtnl: &Rtnl<'_>) -> Result;

    /// The device will be deleted, and what is below it may be in the same go. Context: RTNL.
    fn leaves(&self);

    /// The device is set down, or deleted while it is up.
    fn stop(&self, rtnl: &Rtnl<'_>);

    /// The device is deleted, and does not stand on its parent any more.
    fn unregistered(&self, rtnl: &Rtnl<'_>);

    /// The device by which a packet leaves now, if it may. Context: softirqs off.
    fn way_out(&self, guard: &Guard) -> Option<&NetDevice>;

    fn parent(&self) -> &NetDevice;

    /// Context: RTNL or RCU.
    fn report(&self, report: &mut Report<'_>) -> Result;

    fn report_statistics(&self, report: &mut Report<'_>) -> Result;
}

/// What lies in a device's private room.
///
/// # Invariants
///
/// `owned` is null, or came from `Arc::into_raw()` and counts for this device.
struct Private<T> {
    owned: *const T,
    /// The device stands on its parent.
    linked: bool,
    early: EgressHook,
}

struct LinkOps(Opaque<bindings::rtnl_link_ops>);

// SAFETY: Written before it is registered, and by the core alone while it is.
unsafe impl Sync for LinkOps {}

static LINK_OPS: LinkOps = LinkOps(Opaque::uninit());

/// The kind exists while this does. Dropping it deletes all its devices, in all namespaces.
///
/// # Invariants
///
/// `LINK_OPS` is registered.
#[pin_data(PinnedDrop)]
pub(crate) struct Registration {
    #[pin]
    rooms: stack_hook::Rooms,
    registered: (),
}

impl Registration {
    /// Once a module.
    pub(crate) fn new<T: LinkKind>() -> impl PinInit<Self, Error> {
        // INVARIANT: Registered last.
        try_pin_init!(Self {
            rooms <- stack_hook::Rooms::new(),
            registered: Self::register::<T>()?,
        }? Error)
    }

    fn register<T: LinkKind>() -> Result {
        let ops = bindings::rtnl_link_ops {
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
        };
        // SAFETY: Not registered yet: nobody else uses it.
        unsafe { LINK_OPS.0.get().write(ops) };
        // SAFETY: The ops are static and complete.
        to_result(unsafe { bindings::rtnl_link_register(LINK_OPS.0.get()) })
    }
}

#[pinned_drop]
impl PinnedDrop for Registration {
    fn drop(self: Pin<&mut Self>) {
        // SAFETY: Registered by the type's invariant. RTNL is not held: modules come and go
        // without.
        unsafe { bindings::rtnl_link_unregister(LINK_OPS.0.get()) }
    }
}

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

/// # Safety
///
/// `dev` is a device of this kind.
unsafe fn private<'a, T: LinkKind>(dev: *mut bindings::net_device) -> &'a mut Private<T> {
    // SAFETY: A device of this kind was made with room for a `Private<T>`, zeroed, which is valid.
    unsafe { &mut *bindings::carp_netdev_priv(dev).cast() }
}

/// # Safety
///
/// `dev` is a device of this kind whose `newlink()` has come as far as setting `owned`.
unsafe fn owned<'a, T: LinkKind>(dev: *mut bindings::net_device) -> ArcBorrow<'a, T> {
    // SAFETY: By this function's contract; the device keeps it until its destructor runs.
    unsafe { ArcBorrow::from_raw(private::<T>(dev).owned) }
}

/// What `device` owns, if it is of this kind and not about to be freed.
pub(crate) fn of<T: LinkKind>(device: &NetDevice) -> Option<ArcBorrow<'_, T>> {
    let dev = device.as_ptr();
    // SAFETY: The device is alive.
    let ops = unsafe { (*dev).rtnl_link_ops };
    // SAFETY: Of this kind by its ops; others find a device only once it is registered.
    ptr::eq(ops, LINK_OPS.0.get()).then(|| unsafe { owned(dev) })
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
        unsafe { dellink::<T>(upper, head) };
    }
    // SAFETY: A list of devices that were queued for it, under RTNL.
    unsafe { bindings::unregister_netdevice_many(head) };
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

        // SAFETY: The device is of this kind and not registered: nobody else knows it.
        let private = unsafe { private::<T>(dev) };
        // INVARIANT: Counts for the device from here on.
        private.owned = Arc::into_raw(this);
        // SAFETY: As above.
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
        // SAFETY: `uninit()` clears it; the core waits for a grace period behind that.
        unsafe { owned::<T>(dev).device().set(device) };

        T::registered(&rtnl, device);
        // SAFETY: Both devices are registered, under RTNL.
        let linked = to_result(unsafe {
            bindings::netdev_upper_dev_link(parent.as_ptr(), dev, extack.as_ptr())
        });
        private.linked = linked.is_ok();
        if linked.is_err() {
            // SAFETY: The device is registered, under RTNL.
            unsafe { bindings::unregister_netdevice_queue(dev, ptr::null_mut()) };
        }
        linked.map(|()| 0)
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
unsafe extern "C" fn dellink<T: LinkKind>(
    dev: *mut bindings::net_device,
    list: *mut bindings::list_head,
) {
    // SAFETY: The core passes a device of this kind, under RTNL.
    let this = unsafe { owned::<T>(dev) };
    this.leaves();
    // SAFETY: As above.
    unsafe { bindings::unregister_netdevice_queue(dev, list) };
    // SAFETY: As above.
    unsafe { leave_parent::<T>(dev) };
}

/// Takes the device off its parent, once.
///
/// # Safety
///
/// `dev` is a registered device of this kind, under RTNL.
unsafe fn leave_parent<T: LinkKind>(dev: *mut bindings::net_device) {
    // SAFETY: By this function's contract; `linked` is only used under RTNL.
    let private = unsafe { private::<T>(dev) };
    if core::mem::take(&mut private.linked) {
        // SAFETY: By this function's contract.
        let this = unsafe { owned::<T>(dev) };
        // SAFETY: They were linked, under RTNL.
        unsafe { bindings::netdev_upper_dev_unlink(this.parent().as_ptr(), dev) };
    }
}

/// # Safety
///
/// Called by the core as `net_device::priv_destructor`, or by `newlink()` in its place, only.
unsafe extern "C" fn destroy<T: LinkKind>(dev: *mut bindings::net_device) {
    // SAFETY: The core passes a device of this kind that nobody uses any more.
    let private = unsafe { private::<T>(dev) };
    let owned = core::mem::replace(&mut private.owned, ptr::null());
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
    // SAFETY: A device of this kind, under RTNL; nobody sends by it yet.
    let (rtnl, device, private) = unsafe {
        (
            Rtnl::assume_held(),
            NetDevice::from_raw(dev),
            private::<T>(dev),
        )
    };
    from_result(|| {
        // SAFETY: The kind is registered, so there are rooms.
        unsafe { stack_hook::enter::<T::Stack>(&rtnl, device) }?;
        // SAFETY: A device of this kind never leaves its namespace; `uninit()` unregisters it, and
        // the core waits for a grace period before it frees the device.
        let registered = unsafe { private.early.register(device, early_transmit::<T>) };
        if registered.is_err() {
            // SAFETY: Entered just now.
            unsafe { stack_hook::leave::<T::Stack>(&rtnl, device) };
        }
        registered.map(|()| 0)
    })
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
    // SAFETY: As above; `init()` has registered the one and entered the other.
    unsafe {
        let device = NetDevice::from_raw(dev);
        private::<T>(dev).early.unregister(device);
        stack_hook::leave::<T::Stack>(&rtnl, device);
    }
}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_open`, only.
unsafe extern "C" fn open<T: LinkKind>(dev: *mut bindings::net_device) -> c_int {
    // SAFETY: The core calls this under RTNL, with a registered device of this kind.
    let (rtnl, this) = unsafe { (Rtnl::assume_held(), owned::<T>(dev)) };
    from_result(|| this.open(&rtnl).map(|()| 0))
}

/// # Safety
///
/// Called by the core, as `net_device_ops::ndo_stop`, only.
unsafe extern "C" fn stop<T: LinkKind>(dev: *mut bindings::net_device) -> c_int {
    // SAFETY: The core calls this under RTNL, with a registered device of this kind.
    let (rtnl, this) = unsafe { (Rtnl::assume_held(), owned::<T>(dev)) };
    this.stop(&rtnl);
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
            .way_out(&Guard::new())
            .is_some_and(|way_out| skb.transmit(way_out).is_ok());
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

/// The device has a carrier as soon as it has somewhere to send to, but no queue until the core has
/// had RTNL to give it one, and would drop what it is asked to send meanwhile.
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
    if unsafe { bindings::carp_netdev_has_queue(dev) } {
        return bindings::NF_ACCEPT;
    }
    // SAFETY: As above; the packet was given to this hook, which does not give it back.
    unsafe { start_xmit::<T>(skb, dev) };
    bindings::NF_STOLEN
}

/// There is no hardware to tell; that it may be told allows addresses to be added.
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
    super::netlink::room(T::STATISTICS_ROOM)
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
