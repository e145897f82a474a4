// SPDX-License-Identifier: GPL-2.0
//! `struct net_device`, borrowed, held, or found through RCU; and RTNL, the lock of its
//! configuration.

mod name;

use self::name::{Label, Name};
use super::{bindings, namespace::Namespace};
use core::{
    cell::UnsafeCell,
    marker::PhantomData,
    ops::Deref,
    ptr::{self, NonNull},
};
use kernel::{
    error::to_result,
    prelude::*,
    str::CStr,
    sync::{
        atomic::{Acquire, Atomic, Release},
        rcu::Guard,
    },
    types::{NotThreadSafe, Opaque},
};

/// Evidence that this context holds RTNL.
pub(crate) struct Rtnl<'a>(PhantomData<&'a ()>, NotThreadSafe);

impl Rtnl<'_> {
    /// # Safety
    ///
    /// The caller's context holds RTNL for as long as the value lives.
    pub(crate) unsafe fn assume_held() -> Self {
        Self(PhantomData, NotThreadSafe)
    }
}

/// RTNL, taken by this context. Dropping it gives it back.
///
/// # Invariants
///
/// This context holds RTNL.
pub(crate) struct RtnlGuard(Rtnl<'static>);

impl RtnlGuard {
    /// Context: process; sleeps. Nobody who holds RTNL may wait for this context.
    pub(crate) fn new() -> Self {
        // SAFETY: Always safe to call; a context that has it already deadlocks.
        unsafe { bindings::rtnl_lock() };
        // SAFETY: Taken just now, and given back only when the result is dropped.
        Self(unsafe { Rtnl::assume_held() })
    }
}

impl Deref for RtnlGuard {
    type Target = Rtnl<'static>;
    fn deref(&self) -> &Rtnl<'static> {
        &self.0
    }
}

impl Drop for RtnlGuard {
    fn drop(&mut self) {
        // SAFETY: Held by the type's invariant.
        unsafe { bindings::rtnl_unlock() }
    }
}

/// An Ethernet address.
pub(crate) type Mac = [u8; 6];

/// A network device that is alive while it is borrowed.
#[repr(transparent)]
pub(crate) struct NetDevice(Opaque<bindings::net_device>);

// SAFETY: The methods read single fields that may change at any time, or call functions that do
// their own locking.
unsafe impl Sync for NetDevice {}

impl NetDevice {
    /// # Safety
    ///
    /// `dev` is a valid device and remains one for `'a`.
    pub(crate) unsafe fn from_raw<'a>(dev: *mut bindings::net_device) -> &'a Self {
        // SAFETY: By this function's contract; the type is transparent.
        unsafe { &*dev.cast() }
    }

    pub(crate) fn as_ptr(&self) -> *mut bindings::net_device {
        self.0.get()
    }

    /// Is it the same device?
    pub(crate) fn is(&self, other: &NetDevice) -> bool {
        ptr::eq(self, other)
    }

    fn flags(&self) -> u32 {
        // SAFETY: The device is alive; flags are a word that others may write.
        unsafe { (&raw const (*self.as_ptr()).flags).read_volatile() }
    }

    /// Administratively up.
    pub(crate) fn is_up(&self) -> bool {
        self.flags() & bindings::net_device_flags_IFF_UP != 0
    }

    /// Not known to have lost its carrier.
    pub(crate) fn has_carrier(&self) -> bool {
        // SAFETY: The device is alive.
        unsafe { bindings::carp_netif_carrier_ok(self.as_ptr()) }
    }

    pub(crate) fn is_loopback(&self) -> bool {
        self.flags() & bindings::net_device_flags_IFF_LOOPBACK != 0
    }

    pub(crate) fn is_ethernet(&self) -> bool {
        // SAFETY: The device is alive; its type is fixed while it has uppers, and is one word.
        let kind = unsafe { (*self.as_ptr()).type_ };
        u32::from(kind) == bindings::ARPHRD_ETHER
    }

    /// The `type` of `ip link add … type`, of devices that have one.
    pub(crate) fn kind(&self) -> Option<&CStr> {
        // SAFETY: The device is alive.
        let ops = NonNull::new(unsafe { (*self.as_ptr()).rtnl_link_ops }.cast_mut())?;
        // SAFETY: A device's link ops outlive it.
        let kind = NonNull::new(unsafe { (*ops.as_ptr()).kind }.cast_mut())?;
        // SAFETY: The kind is a string that outlives the ops.
        Some(unsafe { CStr::from_char_ptr(kind.as_ptr()) })
    }

    pub(crate) fn name(&self) -> Name {
        let mut name = [0; 16];
        // SAFETY: The device is alive. Its name may be torn if it is being changed; it ends within
        // its array in any case.
        let raw = unsafe { (&raw const (*self.as_ptr()).name).read_volatile() };
        for (to, from) in name.iter_mut().zip(raw) {
            *to = from;
        }
        Name(name)
    }

    /// Which device this is on the whole host, in the log and in debugfs: `NAME`, or `NAME@NUMBER`
    /// of a namespace that is not the initial one.
    pub(crate) fn label(&self) -> Label {
        let number = self.namespace_rcu(&Guard::new()).number_unless_initial();
        Label(self.name(), number)
    }

    /// Where it is. It cannot leave while RTNL is held.
    pub(crate) fn namespace<'a>(&'a self, _rtnl: &'a Rtnl<'_>) -> &'a Namespace {
        // SAFETY: A namespace is freed after its devices have moved away, which takes RTNL, or have
        // been freed; for `'a` neither happens to this one.
        unsafe { Namespace::from_raw(self.net()) }
    }

    /// Where it is, or has been a moment ago. Any context.
    pub(crate) fn namespace_rcu<'a>(&'a self, _guard: &'a Guard) -> &'a Namespace {
        // SAFETY: A namespace is freed a grace period after its last device has moved away, or when
        // that device has been freed; for `'a` neither happens.
        unsafe { Namespace::from_raw(self.net()) }
    }

    pub(crate) fn is_same_namespace(&self, other: &NetDevice) -> bool {
        self.net() == other.net()
    }

    pub(super) fn net(&self) -> *mut bindings::net {
        // SAFETY: The device is alive; the pointer is a word that others may write.
        unsafe { (&raw const (*self.as_ptr()).nd_net.net).read_volatile() }
    }

    /// The table of its routes, if it is in a VRF.
    pub(crate) fn vrf_table(&self) -> Option<u32> {
        // SAFETY: The device is alive.
        let table = unsafe { bindings::carp_l3mdev_table(self.as_ptr()) };
        (table != 0).then_some(table)
    }

    /// The L3 domain that it is in: the index of its VRF, or its own if it is one; 0: in none.
    pub(crate) fn l3_domain(&self, _guard: &Guard) -> i32 {
        // SAFETY: The device is alive, the guard is held.
        unsafe { bindings::l3mdev_master_ifindex_rcu(self.as_ptr()) }
    }

    pub(crate) fn index(&self) -> i32 {
        // SAFETY: The device is alive.
        unsafe { (*self.as_ptr()).ifindex }
    }

    pub(crate) fn mtu(&self) -> u32 {
        // SAFETY: The device is alive; the MTU is a word that others may write.
        unsafe { (&raw const (*self.as_ptr()).mtu).read_volatile() }
    }

    /// Something sees the packets that it receives before the protocols do: taps, tc, XDP,
    /// netfilter's ingress hook.
    pub(super) fn has_early_receivers(&self) -> bool {
        let (dev, net) = (self.as_ptr(), self.net());
        // SAFETY: The device is alive, and with it its namespace; these are single words that
        // others may write, each of which says by itself whether there is anybody.
        unsafe {
            let taps = &raw mut (*dev).ptype_all;
            let all_taps = &raw mut (*net).ptype_all;
            (&raw const (*taps).next).read_volatile() != taps
                || (&raw const (*all_taps).next).read_volatile() != all_taps
                || !(&raw const (*dev).tcx_ingress).read_volatile().is_null()
                || !(&raw const (*dev).xdp_prog).read_volatile().is_null()
                || !(&raw const (*dev).nf_hooks_ingress)
                    .read_volatile()
                    .is_null()
        }
    }

    /// tc looks at what it receives.
    pub(crate) fn has_tc_ingress(&self) -> bool {
        // SAFETY: The device is alive; this is a word that others may write.
        let tc = unsafe { (&raw const (*self.as_ptr()).tcx_ingress).read_volatile() };
        !tc.is_null()
    }

    /// It sends what it is asked to. It does not until the core has seen that it has a carrier.
    pub(crate) fn has_queue(&self) -> bool {
        // SAFETY: The device is alive.
        unsafe { bindings::carp_netdev_has_queue(self.as_ptr()) }
    }

    /// Context: RTNL. Fails as `ip link set mtu` does.
    pub(crate) fn set_mtu(&self, _rtnl: &Rtnl<'_>, mtu: u32) -> Result {
        let mtu = i32::try_from(mtu)?;
        // SAFETY: The device is alive, RTNL is held.
        to_result(unsafe { bindings::dev_set_mtu(self.as_ptr(), mtu) })
    }

    /// Counts a packet that it has received and dropped, in `rx_dropped`. Any context.
    pub(crate) fn count_not_received(&self) {
        // SAFETY: The device is alive, and one of our own, whose counters are of this kind.
        unsafe { bindings::carp_count_not_received(self.as_ptr()) }
    }

    /// Any context.
    pub(crate) fn set_carrier(&self, on: bool) {
        if on {
            // SAFETY: The device is alive and registered, or about to be.
            unsafe { bindings::netif_carrier_on(self.as_ptr()) }
        } else {
            // SAFETY: As above.
            unsafe { bindings::netif_carrier_off(self.as_ptr()) }
        }
    }

    /// Receives frames to `mac`, until [`NetDevice::drop_unicast`] is called as many times. Of a
    /// bridge the filters of its ports are set: with its own, the bridge would receive all frames
    /// that cross it.
    pub(crate) fn accept_unicast(&self, rtnl: &Rtnl<'_>, mac: &Mac) -> Result {
        if let Some(bridge) = self.bridge() {
            return bridge.accept_unicast(rtnl, mac);
        }
        self.add_to_filter(rtnl, mac)
    }

    pub(crate) fn drop_unicast(&self, rtnl: &Rtnl<'_>, mac: &Mac) {
        if let Some(bridge) = self.bridge() {
            return bridge.drop_unicast(rtnl, mac);
        }
        self.remove_from_filter(rtnl, mac);
    }

    /// Sets the filter of the device itself, bridge or not.
    pub(super) fn add_to_filter(&self, _rtnl: &Rtnl<'_>, mac: &Mac) -> Result {
        // SAFETY: The device is alive, RTNL is held, `mac` has the length of its addresses.
        to_result(unsafe { bindings::dev_uc_add(self.as_ptr(), mac.as_ptr()) })
    }

    pub(super) fn remove_from_filter(&self, _rtnl: &Rtnl<'_>, mac: &Mac) {
        // SAFETY: As above. An address that is no longer there is what the caller wants.
        unsafe { bindings::dev_uc_del(self.as_ptr(), mac.as_ptr()) };
    }

    /// Takes over from `parent` what a device on top of it must respect.
    pub(crate) fn inherit_limits(&self, _rtnl: &Rtnl<'_>, parent: &NetDevice) {
        let (this, parent) = (self.as_ptr(), parent.as_ptr());
        // SAFETY: Both devices are alive and RTNL is held, so nobody else writes these fields.
        unsafe {
            (*this).hard_header_len = (*parent).hard_header_len;
            (*this).needed_headroom = (*parent).needed_headroom;
            (*this).needed_tailroom = (*parent).needed_tailroom;
        }
        // SAFETY: As above.
        unsafe { bindings::netif_inherit_tso_max(this, parent) }
    }

    /// The address of an Ethernet device. It may be torn if it is being changed.
    pub(crate) fn address(&self) -> Option<Mac> {
        // SAFETY: The device is alive; an Ethernet device's address is that long.
        let address = NonNull::new(unsafe { (*self.as_ptr()).dev_addr }.cast_mut())?;
        // SAFETY: As above.
        Some(unsafe { address.cast::<Mac>().read_unaligned() })
    }

    /// Sets its address, and tells nobody: by itself only before it is registered.
    pub(crate) fn set_address(&self, _rtnl: &Rtnl<'_>, mac: &Mac) {
        // SAFETY: The device is alive, RTNL is held, `mac` has the length of its addresses.
        unsafe { bindings::carp_eth_hw_addr_set(self.as_ptr(), mac.as_ptr()) }
    }

    /// Sets the address of a registered device, and calls the notifiers.
    pub(crate) fn change_address(&self, rtnl: &Rtnl<'_>, mac: &Mac) {
        self.set_address(rtnl, mac);
        let event = bindings::netdev_cmd_NETDEV_CHANGEADDR;
        // SAFETY: The device is alive and registered, RTNL is held.
        unsafe { bindings::call_netdevice_notifiers(event as usize, self.as_ptr()) };
    }

    /// Sets the largest MTU that it can be given.
    pub(crate) fn limit_mtu(&self, _rtnl: &Rtnl<'_>, mtu: u32) {
        // SAFETY: The device is alive, RTNL is held.
        unsafe { (*self.as_ptr()).max_mtu = mtu };
    }

    /// Sets its MTU; only before it is registered.
    pub(crate) fn set_first_mtu(&self, _rtnl: &Rtnl<'_>, mtu: u32) {
        // SAFETY: The device is alive, RTNL is held.
        unsafe { (*self.as_ptr()).mtu = mtu };
    }

    /// Counts a packet that it should have sent, in `tx_dropped`. Any context.
    pub(crate) fn count_not_sent(&self) {
        // SAFETY: The device is alive.
        unsafe { bindings::carp_count_not_sent(self.as_ptr()) }
    }

    /// Calls `f` with each device stacked on this one until it returns something.
    pub(crate) fn find_upper<R>(
        &self,
        _rtnl: &Rtnl<'_>,
        f: impl FnMut(&NetDevice) -> Option<R>,
    ) -> Option<R> {
        // SAFETY: RTNL keeps the devices.
        unsafe { self.walk_uppers(f) }
    }

    /// As [`NetDevice::find_upper`], in any context.
    pub(crate) fn find_upper_rcu<'a, R>(
        &self,
        _guard: &'a Guard,
        f: impl FnMut(&'a NetDevice) -> Option<R>,
    ) -> Option<R> {
        // SAFETY: The guard keeps the devices for `'a`.
        unsafe { self.walk_uppers(f) }
    }

    /// # Safety
    ///
    /// The caller holds RTNL, or an RCU guard, for `'a`.
    unsafe fn walk_uppers<'a, R>(
        &self,
        mut f: impl FnMut(&'a NetDevice) -> Option<R>,
    ) -> Option<R> {
        // SAFETY: The device is alive: the head of its list of uppers is a field of it.
        let mut position = unsafe { &raw mut (*self.as_ptr()).adj_list.upper };
        loop {
            // SAFETY: By this function's contract nothing on the list of uppers is freed;
            // `position` is where the last call left it.
            let upper =
                unsafe { bindings::netdev_upper_get_next_dev_rcu(self.as_ptr(), &mut position) };
            let upper = NonNull::new(upper)?;
            // SAFETY: By this function's contract.
            if let Some(found) = f(unsafe { NetDevice::from_raw(upper.as_ptr()) }) {
                return Some(found);
            }
        }
    }
}

/// A counted reference to a device. The reference tracker reports it by itself.
///
/// # Invariants
///
/// `dev` is held through `tracker`.
pub(crate) struct DeviceRef {
    dev: NonNull<bindings::net_device>,
    tracker: UnsafeCell<bindings::netdevice_tracker>,
}

// SAFETY: A reference may be put on any CPU; `tracker` is only used when it is.
unsafe impl Send for DeviceRef {}
// SAFETY: `&DeviceRef` gives out `&NetDevice` only.
unsafe impl Sync for DeviceRef {}

impl DeviceRef {
    /// Context: process.
    pub(crate) fn new(device: &NetDevice) -> Self {
        // SAFETY: A tracker is a pointer or, on a kernel that does not track, nothing: zeros are a
        // valid one that is empty.
        let tracker = UnsafeCell::new(unsafe { core::mem::zeroed() });
        // SAFETY: The device is alive, `tracker` is empty and ours.
        unsafe { bindings::carp_netdev_hold(device.as_ptr(), tracker.get()) };
        // INVARIANT: Held just now. A borrowed device's address is never null.
        let dev = NonNull::from(device).cast();
        Self { dev, tracker }
    }
}

impl Deref for DeviceRef {
    type Target = NetDevice;
    fn deref(&self) -> &NetDevice {
        // SAFETY: The device is held by the type's invariant.
        unsafe { NetDevice::from_raw(self.dev.as_ptr()) }
    }
}

impl Drop for DeviceRef {
    fn drop(&mut self) {
        // SAFETY: Held through this tracker by the type's invariant, put once.
        unsafe { bindings::carp_netdev_put(self.dev.as_ptr(), self.tracker.get()) }
    }
}

/// The device that an object belongs to. The device owns the object, so the object cannot hold a
/// reference to it. It finds the device under RCU as long as that is registered.
///
/// # Invariants
///
/// `dev` is null, or a device for which a grace period follows `clear()` before it is freed.
pub(crate) struct RcuDevice {
    dev: Atomic<*mut bindings::net_device>,
}

impl RcuDevice {
    /// Nothing yet.
    pub(crate) const fn empty() -> Self {
        Self {
            dev: Atomic::new(ptr::null_mut()),
        }
    }

    /// # Safety
    ///
    /// [`RcuDevice::clear`] is called, and a grace period waited for, before `device` is freed.
    pub(super) unsafe fn set(&self, device: &NetDevice) {
        // INVARIANT: By this function's contract.
        self.dev.store(device.as_ptr(), Release);
    }

    pub(super) fn clear(&self) {
        self.dev.store(ptr::null_mut(), Release);
    }

    pub(crate) fn get<'a>(&self, _guard: &'a Guard) -> Option<&'a NetDevice> {
        let dev = NonNull::new(self.dev.load(Acquire))?;
        // SAFETY: By the type's invariant it is alive at least until the guard is dropped.
        Some(unsafe { NetDevice::from_raw(dev.as_ptr()) })
    }

    /// As [`RcuDevice::get`], for a context that must sleep.
    pub(crate) fn get_rtnl<'a>(&self, _rtnl: &'a Rtnl<'_>) -> Option<&'a NetDevice> {
        let dev = NonNull::new(self.dev.load(Acquire))?;
        // SAFETY: `clear()` is called under RTNL, so the device is alive while that is held.
        Some(unsafe { NetDevice::from_raw(dev.as_ptr()) })
    }
}
