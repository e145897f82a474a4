// SPDX-License-Identifier: GPL-2.0
//! Netfilter hooks on a device: where its packets are seen before its own stack (ingress), and
//! right before they leave (egress).
//!
//! Every hook function runs in softirq or with softirqs off, under RCU.
//!
//! Of what comes in the kernel shows everything to the ingress hook but what an ifb device gives
//! back, to which tc on the device has redirected it: that goes on right after the hook. Packet
//! handlers of the device see it there; or, if the device is a port of a bridge, which takes it
//! before them, a hook of bridges. They are only in place while tc looks at what comes in.

use super::{
    bindings,
    bridge::BridgeHooks,
    net_device::{Mac, NetDevice, Rtnl},
    rcu::{read_locked, Retired},
    skb::SkBuff,
};
use core::ptr::NonNull;
use kernel::{
    error::to_result,
    ffi::{c_int, c_uint, c_void},
    prelude::*,
    sync::{rcu::Guard, Arc, ArcBorrow},
    types::Opaque,
};

/// What becomes of a packet.
pub(crate) enum Verdict<'a> {
    /// It goes on as if nobody had looked.
    Accept,
    /// This device has received it instead.
    Deliver(&'a NetDevice),
    /// It has been dealt with, and goes no further.
    Consume,
    /// It is refused.
    Drop,
}

/// What looks at the packets of one device.
pub(crate) trait FrameHook: Send + Sync + 'static {
    /// The one.
    fn device(&self) -> &NetDevice;

    /// A frame to this address may be something for `ingress()`. Most are not, and pass at once.
    fn concerns(destination: &Mac) -> bool;

    fn ingress<'a>(&'a self, guard: &'a Guard, packet: &mut SkBuff) -> Verdict<'a>;

    /// True lets the packet pass.
    fn egress(&self, guard: &Guard, packet: &mut SkBuff) -> bool;

    /// A frame to this address crosses some bridge. The device of the hooks, if it is on a bridge,
    /// which is to take the frame for its own.
    fn bridged(&self, guard: &Guard, destination: &Mac) -> Option<&NetDevice>;

    /// tc does not look at what comes in any more, and the handlers are still called for all of it.
    /// Context: softirq.
    fn redirects_no_more(this: ArcBorrow<'_, Self>);
}

/// Whether bridges have hooks.
const BRIDGES_HAVE_HOOKS: bool = cfg!(CONFIG_NETFILTER_FAMILY_BRIDGE);

/// What sees the packets of one device after the hook.
struct Handlers {
    packets: [Opaque<bindings::packet_type>; 3],
    bridges: Opaque<bindings::nf_hook_ops>,
}

/// The hooks of one device. Dropping it takes them out and waits until none of them runs.
///
/// # Invariants
///
/// * Both hooks are registered with the namespace that `device` is in.
/// * So are the handlers, if there are any, and the hooks of a bridge.
/// * Their `priv` is `owner`, as a pointer that counts.
pub(crate) struct FrameHooks<T: FrameHook> {
    ops: KBox<[Opaque<bindings::nf_hook_ops>; 2]>,
    handlers: Option<KBox<Handlers>>,
    bridge: Option<BridgeHooks>,
    net: *mut bindings::net,
    owner: *const T,
}

// SAFETY: The registration may be undone by any thread; `owner` is shared by `&T` only.
unsafe impl<T: FrameHook> Send for FrameHooks<T> {}
// SAFETY: `&FrameHooks` gives nothing out.
unsafe impl<T: FrameHook> Sync for FrameHooks<T> {}

impl<T: FrameHook> FrameHooks<T> {
    /// Context: RTNL, so that the device's namespace cannot change meanwhile.
    pub(crate) fn new(rtnl: &Rtnl<'_>, device: &NetDevice, owner: Arc<T>) -> Result<Self> {
        let owner = Arc::into_raw(owner);
        let hook = |function: unsafe extern "C" fn(_, _, _) -> c_uint, number| {
            Opaque::new(bindings::nf_hook_ops {
                hook: Some(function),
                dev: device.as_ptr(),
                priv_: owner.cast_mut().cast(),
                pf: bindings::NFPROTO_NETDEV as u8,
                hooknum: number,
                // Behind the administrator's own filters, which see the packets of this device.
                priority: i32::MAX,
                ..pin_init::zeroed()
            })
        };
        let ops = KBox::new(
            [
                hook(ingress::<T>, bindings::nf_dev_hooks_NF_NETDEV_INGRESS),
                hook(egress::<T>, bindings::nf_dev_hooks_NF_NETDEV_EGRESS),
            ],
            GFP_KERNEL_ACCOUNT,
        );
        let registered = ops.map_err(Error::from).and_then(|ops| {
            // SAFETY: `ops` describes two hooks of a living device, and stays where it is until
            // they are unregistered.
            to_result(unsafe {
                bindings::nf_register_net_hooks(device.net(), ops.as_ptr().cast(), 2)
            })?;
            Ok(ops)
        });
        // INVARIANT: Registered just now, with the counted pointer.
        let mut hooks = match registered {
            Ok(ops) => Self {
                ops,
                handlers: None,
                bridge: None,
                net: device.net(),
                owner,
            },
            Err(error) => {
                // SAFETY: It came from `into_raw()` above and no hook has it.
                drop(unsafe { Arc::from_raw(owner) });
                return Err(error);
            }
        };
        // SAFETY: Dropping `hooks` unregisters it, and waits, before it gives back the owner.
        hooks.bridge = unsafe { BridgeHooks::register(rtnl, device, owner) }?;
        Ok(hooks)
    }
}

impl<T: FrameHook> FrameHooks<T> {
    /// From now on what an ifb device gives back is seen as well. `device` is the one of the hooks.
    /// Context: process.
    pub(crate) fn see_redirected(&mut self, device: &NetDevice) -> Result {
        if self.handlers.is_some() {
            return Ok(());
        }
        let handler = |protocol: u32| {
            Opaque::new(bindings::packet_type {
                type_: (protocol as u16).to_be(),
                dev: device.as_ptr(),
                func: Some(redirected::<T>),
                af_packet_priv: self.owner.cast_mut().cast(),
                ..pin_init::zeroed()
            })
        };
        let packets = [
            handler(bindings::ETH_P_IP),
            handler(bindings::ETH_P_IPV6),
            handler(bindings::ETH_P_ARP),
        ];
        let bridges = Opaque::new(bindings::nf_hook_ops {
            hook: Some(redirected_to_bridge::<T>),
            priv_: self.owner.cast_mut().cast(),
            pf: bindings::NFPROTO_BRIDGE as u8,
            hooknum: bindings::NF_BR_PRE_ROUTING,
            // Before the filters of bridges, as if the ingress hook had seen it.
            priority: i32::MIN,
            ..pin_init::zeroed()
        });
        let handlers = KBox::new(Handlers { packets, bridges }, GFP_KERNEL_ACCOUNT)?;
        if BRIDGES_HAVE_HOOKS {
            // SAFETY: It describes a hook of a living namespace, and stays where it is until it is
            // removed.
            to_result(unsafe {
                bindings::nf_register_net_hooks(self.net, handlers.bridges.get(), 1)
            })?;
        }
        for handler in &handlers.packets {
            // SAFETY: It describes a handler of a living device, and stays where it is until it is
            // removed.
            unsafe { bindings::dev_add_pack(handler.get()) };
        }
        self.handlers = Some(handlers);
        Ok(())
    }

    /// From now on it is not. Dropping what this returns sleeps. Context: process.
    pub(crate) fn ignore_redirected(&mut self) -> Option<RemovedHandlers> {
        let handlers = self.handlers.take()?;
        // SAFETY: They were registered by the type's invariant.
        unsafe { handlers.remove(self.net) };
        // INVARIANT: Removed just now.
        Some(RemovedHandlers { _memory: handlers })
    }

    /// As dropping it; and frees `retired`, whose grace period is the same. Returns how many values
    /// that were.
    pub(crate) fn remove<U>(self, retired: Retired<U>) -> usize {
        drop(self);
        // SAFETY: Dropping it waited for a grace period, and `retired` was there before.
        unsafe { retired.free_after_grace_period() }
    }
}

impl<T: FrameHook> Drop for FrameHooks<T> {
    fn drop(&mut self) {
        // SAFETY: Registered by the type's invariant. The namespace is the device's, which has not
        // moved: its owner drops this when the device leaves.
        unsafe { bindings::nf_unregister_net_hooks(self.net, self.ops.as_ptr().cast(), 2) };
        if let Some(handlers) = &self.handlers {
            // SAFETY: Registered by the type's invariant.
            unsafe { handlers.remove(self.net) };
        }
        if let Some(bridge) = &self.bridge {
            bridge.unregister();
        }
        // SAFETY: May sleep here: hooks are only ever registered and dropped by a process.
        unsafe { bindings::synchronize_net() };
        // SAFETY: It came from `into_raw()`; no hook runs any more.
        drop(unsafe { Arc::from_raw(self.owner) });
    }
}

impl Handlers {
    /// # Safety
    ///
    /// They are registered, in `net`. The core may be inside them until a grace period has passed.
    unsafe fn remove(&self, net: *mut bindings::net) {
        if BRIDGES_HAVE_HOOKS {
            // SAFETY: By this function's contract.
            unsafe { bindings::nf_unregister_net_hooks(net, self.bridges.get(), 1) };
        }
        for handler in &self.packets {
            // SAFETY: By this function's contract.
            unsafe { bindings::__dev_remove_pack(handler.get()) };
        }
    }
}

/// Handlers that may still run. Dropping it waits until none does.
///
/// # Invariants
///
/// They are registered no more.
pub(crate) struct RemovedHandlers {
    _memory: KBox<Handlers>,
}

impl Drop for RemovedHandlers {
    fn drop(&mut self) {
        // SAFETY: May sleep here: handlers are only ever removed by a process, and it has no lock.
        unsafe { bindings::synchronize_net() };
    }
}

/// A hook function of C's.
pub(super) type HookFn = unsafe extern "C" fn(
    *mut c_void,
    *mut bindings::sk_buff,
    *const bindings::nf_hook_state,
) -> c_uint;

/// The hook that sees what a device of our own is asked to send, before its queue does.
pub(super) struct EgressHook(Opaque<bindings::nf_hook_ops>);

// SAFETY: Written by `prepare()`, while it is not registered, and by netfilter under its own lock.
unsafe impl Sync for EgressHook {}
// SAFETY: As above.
unsafe impl Send for EgressHook {}

impl EgressHook {
    pub(super) const fn new() -> Self {
        Self(Opaque::zeroed())
    }

    /// `function` will be called for what `device` is asked to send. Not while it is registered.
    pub(super) fn prepare(&self, device: &NetDevice, function: HookFn) {
        // SAFETY: Not registered: nobody else uses it.
        unsafe {
            self.0.get().write(bindings::nf_hook_ops {
                hook: Some(function),
                dev: device.as_ptr(),
                pf: bindings::NFPROTO_NETDEV as u8,
                hooknum: bindings::nf_dev_hooks_NF_NETDEV_EGRESS,
                priority: i32::MAX,
                ..pin_init::zeroed()
            })
        };
    }

    /// # Safety
    ///
    /// It was prepared for `device`, and is not registered. `unregister()` is called before
    /// `device` leaves its namespace. Until a grace period has passed after that, this stays where
    /// it is and its function can be called as netfilter does.
    pub(super) unsafe fn register(&self, device: &NetDevice) -> Result {
        // SAFETY: It describes a hook of a living device, and by this function's contract stays.
        to_result(unsafe { bindings::nf_register_net_hooks(device.net(), self.0.get(), 1) })
    }

    /// # Safety
    ///
    /// `register()` has succeeded, for `device`.
    pub(super) unsafe fn unregister(&self, device: &NetDevice) {
        // SAFETY: By this function's contract.
        unsafe { bindings::nf_unregister_net_hooks(device.net(), self.0.get(), 1) }
    }
}

/// What is for `receiver` itself is most of all packets, and nobody else's business.
fn concerns<T: FrameHook>(receiver: &NetDevice, packet: &SkBuff) -> bool {
    let destination = packet.ethernet().map(|(destination, _)| destination);
    destination.is_some_and(|destination| T::concerns(&destination))
        && !packet.is_for_receiver(receiver)
}

/// # Safety
///
/// Called by netfilter, as an ingress hook of `FrameHooks`, only.
unsafe extern "C" fn ingress<T: FrameHook>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    _state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the invariant of `FrameHooks`; the reference counts until no hook runs.
    let owner = unsafe { &*private.cast::<T>() };
    // SAFETY: The hook has the packet to itself while it looks.
    let packet = unsafe { SkBuff::from_raw(skb) };
    if !concerns::<T>(owner.device(), packet) {
        return bindings::NF_ACCEPT;
    }
    packet.set_seen();
    // SAFETY: Netfilter calls hooks under RCU.
    let guard = unsafe { read_locked() };
    match owner.ingress(guard, packet) {
        Verdict::Accept => bindings::NF_ACCEPT,
        Verdict::Drop => bindings::NF_DROP,
        Verdict::Consume => {
            // SAFETY: The packet was given to this hook, which does not give it back.
            unsafe { bindings::consume_skb(skb) };
            bindings::NF_STOLEN
        }
        Verdict::Deliver(device) if packet.can_become(device) => {
            packet.become_received_by(device);
            bindings::NF_ACCEPT
        }
        Verdict::Deliver(device) => {
            // SAFETY: The packet was given to this hook, which does not give it back.
            unsafe { receive(skb, device) };
            bindings::NF_STOLEN
        }
    }
}

/// # Safety
///
/// Called by the core, as a handler of `FrameHooks`, only. It has a reference to the packet.
unsafe extern "C" fn redirected<T: FrameHook>(
    skb: *mut bindings::sk_buff,
    device: *mut bindings::net_device,
    handler: *mut bindings::packet_type,
    _received_by: *mut bindings::net_device,
) -> c_int {
    // SAFETY: A handler of ours, which does not change while it is registered.
    let owner = unsafe { (*handler).af_packet_priv };
    // SAFETY: By the invariant of `FrameHooks`; the reference counts until no handler runs.
    let owner = unsafe { ArcBorrow::<T>::from_raw(owner.cast()) };
    let receiver = owner.device();
    if !receiver.has_tc_ingress() {
        T::redirects_no_more(owner);
    }
    // SAFETY: The packet is valid, and only looked at while others may have it too.
    let packet = unsafe { SkBuff::from_raw(skb) };
    if device == receiver.as_ptr()
        && packet.is_redirected_unseen()
        && concerns::<T>(receiver, packet)
    {
        let guard = Guard::new();
        if let Verdict::Deliver(device) = owner.ingress(&guard, packet) {
            // SAFETY: The reference was given to this handler, which does not give it back.
            unsafe { receive(skb, device) };
            return 0;
        }
    }
    // SAFETY: As above.
    unsafe { bindings::consume_skb(skb) };
    0
}

/// # Safety
///
/// Called by netfilter, as the hook of `Handlers`, only.
unsafe extern "C" fn redirected_to_bridge<T: FrameHook>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the invariant of `FrameHooks`; the reference counts until no hook runs.
    let owner = unsafe { ArcBorrow::<T>::from_raw(private.cast()) };
    // SAFETY: On input there is the receiving device.
    let receiver = unsafe { NetDevice::from_raw((*state).in_) };
    // This is called for all ports of the namespace.
    if !receiver.is(owner.device()) {
        return bindings::NF_ACCEPT;
    }
    if !receiver.has_tc_ingress() {
        T::redirects_no_more(owner);
    }
    // SAFETY: The hook has the packet to itself while it looks.
    let packet = unsafe { SkBuff::from_raw(skb) };
    if !packet.is_redirected_unseen() || !concerns::<T>(receiver, packet) {
        return bindings::NF_ACCEPT;
    }
    packet.set_seen();
    let guard = Guard::new();
    match owner.ingress(&guard, packet) {
        Verdict::Accept => bindings::NF_ACCEPT,
        Verdict::Consume | Verdict::Drop => bindings::NF_DROP,
        // What the bridge goes on with has to be its port's.
        Verdict::Deliver(device) => {
            // SAFETY: The packet was given to this hook, which does not give it back.
            unsafe { receive(skb, device) };
            bindings::NF_STOLEN
        }
    }
}

/// Has `device` receive the packet from the start, taps and filters of its own included.
///
/// # Safety
///
/// The caller gives the packet away, in softirq context and under RCU.
unsafe fn receive(skb: *mut bindings::sk_buff, device: &NetDevice) {
    // SAFETY: By this function's contract. Taps may share the packet; then this is a clone.
    let Some(skb) = NonNull::new(unsafe { bindings::carp_skb_share_check(skb) }) else {
        device.count_not_received();
        return;
    };
    // SAFETY: The packet is ours alone now.
    unsafe { SkBuff::from_raw(skb.as_ptr()) }.become_received_by(device);
    // SAFETY: As above; the device is alive under RCU.
    unsafe { bindings::netif_receive_skb(skb.as_ptr()) };
}

/// # Safety
///
/// Called by netfilter, as an egress hook of `FrameHooks`, only.
unsafe extern "C" fn egress<T: FrameHook>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    _state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By the invariant of `FrameHooks`; the reference counts until no hook runs.
    let owner = unsafe { &*private.cast::<T>() };
    // SAFETY: The hook has the packet to itself while it looks.
    let packet = unsafe { SkBuff::from_raw(skb) };
    // SAFETY: Netfilter calls hooks under RCU.
    let guard = unsafe { read_locked() };
    verdict(owner.egress(guard, packet))
}

pub(super) fn verdict(pass: bool) -> c_uint {
    if pass {
        bindings::NF_ACCEPT
    } else {
        bindings::NF_DROP
    }
}
