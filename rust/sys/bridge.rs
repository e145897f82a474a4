// SPDX-License-Identifier: GPL-2.0
//! A bridge below a parent: how it delivers frames to a virtual MAC address to the host.
//!
//! A bridge delivers frames to its own MAC address, and to those that are local in its forwarding
//! database (FDB). A local FDB entry takes RTNL. It is for all VLANs, or for those that the bridge
//! is in just now, and it stays if one of these goes. A hook is right at once, and decides about
//! each frame. Before the FDB lookup, the frame gets the bridge's own address as its destination.
//! It gets its own destination back when the bridge has taken it. So the bridge treats it as a
//! frame to itself, VLANs, port security and learning included.
//!
//! Some ports are not promiscuous: the bridge filters VLANs and knows all hosts at its other ports.
//! Such a port has the address in its unicast filter.

use super::{
    bindings,
    hook::{FrameHook, HookFn},
    net_device::{Mac, NetDevice, Rtnl},
    skb::SkBuff,
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    ffi::{c_uint, c_void},
    prelude::*,
    sync::rcu::Guard,
    types::Opaque,
};

/// The bridge that a device is, or that it is a VLAN on.
pub(crate) struct Bridge<'a> {
    device: &'a NetDevice,
    /// The VLAN tag that the device's frames have on the bridge; 0: none.
    tag: u16,
}

impl NetDevice {
    /// Any context.
    pub(crate) fn bridge(&self) -> Option<Bridge<'_>> {
        let mut tag = 0;
        // SAFETY: The device is alive.
        let bridge = unsafe { bindings::carp_bridge_below(self.as_ptr(), &mut tag) };
        let bridge = NonNull::new(bridge)?;
        // SAFETY: A VLAN keeps the device below it.
        let device = unsafe { NetDevice::from_raw(bridge.as_ptr()) };
        Some(Bridge { device, tag })
    }
}

impl Bridge<'_> {
    fn filters_vlans(&self) -> bool {
        // SAFETY: The device is a bridge, and alive. A hook asks, so the functions are held.
        unsafe { bindings::carp_bridge_filters_vlans(self.device.as_ptr()) }
    }

    /// A frame that `port` of this bridge has received, with this tag, is on the device's link.
    fn is_link_of(&self, port: &NetDevice, tag: u16) -> bool {
        if self.filters_vlans() {
            vlan_of(port, tag) == vlan_of(self.device, self.tag)
        } else {
            tag == self.tag
        }
    }
}

/// What the filters of its ports let in. Ports that have none are promiscuous.
impl Bridge<'_> {
    pub(super) fn accept_unicast(&self, rtnl: &Rtnl<'_>, mac: &Mac) -> Result {
        let refuses =
            |port: &NetDevice| Some((port.as_ptr(), port.accept_as_port(rtnl, mac).err()?));
        let Some((refusing, error)) = self.find_port(rtnl, refuses) else {
            return Ok(());
        };
        self.find_port(rtnl, |port| {
            let is_refusing = port.as_ptr() == refusing;
            if !is_refusing {
                port.drop_as_port(rtnl, mac);
            }
            is_refusing.then_some(())
        });
        Err(error)
    }

    pub(super) fn drop_unicast(&self, rtnl: &Rtnl<'_>, mac: &Mac) {
        self.find_port(rtnl, |port| {
            port.drop_as_port(rtnl, mac);
            None::<()>
        });
    }

    /// Calls `f` with each port until it returns something.
    fn find_port<R>(
        &self,
        _rtnl: &Rtnl<'_>,
        mut f: impl FnMut(&NetDevice) -> Option<R>,
    ) -> Option<R> {
        // SAFETY: The device is alive: the head of its list of lowers is a field of it.
        let mut position = unsafe { (*self.device.as_ptr()).adj_list.lower.next };
        loop {
            // SAFETY: RTNL keeps the list; `position` is where the last call left it.
            let port =
                unsafe { bindings::netdev_lower_get_next(self.device.as_ptr(), &mut position) };
            let port = NonNull::new(port.cast())?;
            // SAFETY: RTNL keeps the port.
            if let Some(found) = f(unsafe { NetDevice::from_raw(port.as_ptr()) }) {
                return Some(found);
            }
        }
    }
}

impl NetDevice {
    /// As a port of a bridge, lets frames to `mac` in, until [`NetDevice::drop_as_port`].
    pub(crate) fn accept_as_port(&self, rtnl: &Rtnl<'_>, mac: &Mac) -> Result {
        if self.has_unicast_filter() {
            self.add_to_filter(rtnl, mac)?;
        }
        Ok(())
    }

    pub(crate) fn drop_as_port(&self, rtnl: &Rtnl<'_>, mac: &Mac) {
        if self.has_unicast_filter() {
            self.remove_from_filter(rtnl, mac);
        }
    }

    fn has_unicast_filter(&self) -> bool {
        // SAFETY: The device is alive.
        unsafe { bindings::carp_has_unicast_filter(self.as_ptr()) }
    }
}

/// The VLAN of frames with this tag, on a bridge that filters or on a port of it; 0: they are
/// refused.
fn vlan_of(device: &NetDevice, tag: u16) -> u16 {
    if tag != 0 {
        return tag;
    }
    // SAFETY: The device is a bridge or a port of one, and alive. A hook asks, so the functions are
    // held.
    unsafe { bindings::carp_bridge_pvid(device.as_ptr()) }
}

/// The hooks of one device on a bridge.
///
/// # Invariants
///
/// They are registered with the namespace `net`, and their `priv` is a `T` that is valid. The
/// functions of the bridge that they ask are held.
pub(super) struct BridgeHooks {
    ops: KBox<[Opaque<bindings::nf_hook_ops>; 2]>,
    net: *mut bindings::net,
    _functions: Functions,
}

/// The functions that tell the VLANs of a bridge. They are in the bridge module, which stays while
/// this exists.
///
/// # Invariants
///
/// They are held once for this.
struct Functions(());

impl Functions {
    /// Context: RTNL.
    fn hold(_rtnl: &Rtnl<'_>) -> Result<Self> {
        // SAFETY: RTNL is held.
        to_result(unsafe { bindings::carp_bridge_hold() })?;
        // INVARIANT: Held just now.
        Ok(Self(()))
    }
}

impl Drop for Functions {
    fn drop(&mut self) {
        // SAFETY: By the type's invariant.
        unsafe { bindings::carp_bridge_release() }
    }
}

impl BridgeHooks {
    /// None: `device` is not on a bridge.
    ///
    /// # Safety
    ///
    /// `owner` is valid until a grace period after [`BridgeHooks::unregister`], which is called
    /// before the device leaves its namespace.
    pub(super) unsafe fn register<T: FrameHook>(
        rtnl: &Rtnl<'_>,
        device: &NetDevice,
        owner: *const T,
    ) -> Result<Option<Self>> {
        if device.bridge().is_none() {
            return Ok(None);
        }
        let hook = |function: HookFn, number: u32, priority| {
            Opaque::new(bindings::nf_hook_ops {
                hook: Some(function),
                priv_: owner.cast_mut().cast(),
                pf: bindings::NFPROTO_BRIDGE as u8,
                hooknum: number,
                priority,
                ..pin_init::zeroed()
            })
        };
        // Nobody sees a frame between the two but the bridge.
        let ops = KBox::new(
            [
                hook(take::<T>, bindings::NF_BR_PRE_ROUTING, i32::MAX),
                hook(give_back, bindings::NF_BR_LOCAL_IN, i32::MIN),
            ],
            GFP_KERNEL_ACCOUNT,
        )?;
        let functions = Functions::hold(rtnl)?;
        let net = device.net();
        // SAFETY: `ops` describes two hooks, and stays where it is until they are unregistered.
        to_result(unsafe { bindings::nf_register_net_hooks(net, ops.as_ptr().cast(), 2) })?;
        // INVARIANT: Registered just now; the rest is this function's contract.
        Ok(Some(Self {
            ops,
            net,
            _functions: functions,
        }))
    }

    /// The hooks may run until a grace period has passed. The caller keeps this until then.
    pub(super) fn unregister(&self) {
        // SAFETY: Registered by the type's invariant.
        unsafe { bindings::nf_unregister_net_hooks(self.net, self.ops.as_ptr().cast(), 2) };
    }
}

/// A note in `skb->cb` while a bridge has the frame: its destination, and a mark. The bridge itself
/// uses only the beginning of `cb`.
type Note = [u8; 8];
const NOTED: [u8; 2] = *b"ca";

/// # Safety
///
/// `skb` is valid, and only the caller uses it for `'a`.
unsafe fn note<'a>(skb: *mut bindings::sk_buff) -> Option<&'a mut Note> {
    // SAFETY: By this function's contract.
    unsafe { (*skb).cb.last_chunk_mut() }
}

/// The port that has received a frame, and the bridge that it is a port of.
///
/// # Safety
///
/// `state` is that of a hook which sees what ports of bridges receive.
unsafe fn port_and_bridge<'a>(
    _guard: &'a Guard,
    state: *const bindings::nf_hook_state,
) -> (&'a NetDevice, Option<&'a NetDevice>) {
    // SAFETY: By this function's contract; the port is alive under RCU.
    let port = unsafe { NetDevice::from_raw((*state).in_) };
    // SAFETY: As above.
    let bridge = unsafe { bindings::netdev_master_upper_dev_get_rcu(port.as_ptr()) };
    // SAFETY: So is what it is a port of.
    let bridge = NonNull::new(bridge).map(|bridge| unsafe { NetDevice::from_raw(bridge.as_ptr()) });
    (port, bridge)
}

/// Has the bridge deliver a frame to the host that is not local by its FDB.
///
/// # Safety
///
/// Called by netfilter, as a hook of `BridgeHooks`, only.
unsafe extern "C" fn take<T: FrameHook>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the invariant of `BridgeHooks`.
    let owner = unsafe { &*private.cast::<T>() };
    // SAFETY: The hook has the frame to itself while it looks.
    let frame = unsafe { SkBuff::from_raw(skb) };
    let guard = Guard::new();
    let Some((mac, _)) = frame.ethernet() else {
        return bindings::NF_ACCEPT;
    };
    let Some(bridge) = owner.bridged(&guard, &mac).and_then(NetDevice::bridge) else {
        return bindings::NF_ACCEPT;
    };
    // SAFETY: The state is that of a hook of a bridge.
    let (port, crossed) = unsafe { port_and_bridge(&guard, state) };
    let own = crossed
        .filter(|crossed| bridge.device.is(crossed) && bridge.is_link_of(port, frame.vlan()))
        .and_then(NetDevice::address);
    let Some(own) = own else {
        return bindings::NF_ACCEPT;
    };
    // SAFETY: As above.
    if let Some(note) = unsafe { note(skb) } {
        if frame.set_received_destination(&own).is_ok() {
            let (destination, noted) = note.split_at_mut(mac.len());
            destination.copy_from_slice(&mac);
            noted.copy_from_slice(&NOTED);
        }
    }
    bindings::NF_ACCEPT
}

/// The bridge delivers a frame to the host. If [`take`] has changed it, its destination is
/// restored.
///
/// # Safety
///
/// Called by netfilter, as a hook of `BridgeHooks`, only.
unsafe extern "C" fn give_back(
    _private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: The hook has the frame to itself while it looks.
    let frame = unsafe { SkBuff::from_raw(skb) };
    // A frame to the bridge's own address from the start is for this host already.
    if u32::from(frame.kind()) == bindings::PACKET_HOST {
        return bindings::NF_ACCEPT;
    }
    let guard = Guard::new();
    // SAFETY: The state is that of a hook of a bridge.
    let (_, bridge) = unsafe { port_and_bridge(&guard, state) };
    let own = bridge.and_then(NetDevice::address);
    if own.is_none() || own != frame.ethernet().map(|(destination, _)| destination) {
        return bindings::NF_ACCEPT;
    }
    // SAFETY: As above.
    if let Some([destination @ .., a, b]) = unsafe { note(skb) } {
        if [*a, *b] == NOTED && frame.set_received_destination(destination).is_ok() {
            *a = 0;
        }
    }
    bindings::NF_ACCEPT
}
