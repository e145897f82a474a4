// SPDX-License-Identifier: GPL-2.0
//! Netfilter hooks of a network namespace: where its stack is about to act on what a device has
//! received, or to send what it says itself.
//!
//! * The *resident* hooks are in a namespace while a device of ours is up there. They see ARP, and
//!   what the namespace says.
//! * The *watch* is there while any of these devices wants it: before packets are routed.
//!
//! Every hook function runs under RCU; those of what is received with softirqs off, the others in
//! any context but hard interrupts.

use super::{
    bindings::{
        self, nf_inet_hooks_NF_INET_LOCAL_OUT as LOCAL_OUT,
        nf_inet_hooks_NF_INET_PRE_ROUTING as PRE_ROUTING, NFPROTO_ARP, NFPROTO_IPV4, NFPROTO_IPV6,
        NF_ARP_IN, NF_ARP_OUT,
    },
    hook::{verdict, EgressHook, HookFn},
    lock::{mutex, Mutex},
    net_device::{NetDevice, Rtnl},
    pernet::{PerNet, PernetData, Registration},
    rcu::read_locked,
    skb::SkBuff,
};
use core::{marker::PhantomData, ptr};
use kernel::{
    error::to_result,
    ffi::{c_uint, c_void},
    prelude::*,
    sync::{
        atomic::{Acquire, Atomic, Full, Relaxed, Release},
        rcu::Guard,
    },
};

/// What has a say in a namespace's stack.
pub(crate) trait StackHook: 'static {
    /// `device` has received an ARP packet and is about to act on it. False drops it.
    fn arp_input(guard: &Guard, device: &NetDevice, packet: &SkBuff) -> bool;

    /// `device` is about to send an ARP packet. False drops it.
    fn arp_output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool;

    /// This host is about to send an IP packet of its own, by `device`. False drops it. Called for
    /// every packet that the namespace says while a device of it is not settled.
    fn ip_output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool;

    /// `device` has received an IP packet without a route, for which the tables will be asked
    /// unless it is given one. Filters and address translation are done with it. False drops it.
    /// Called for every packet of the namespace during the watch.
    fn ip_input(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool;
}

const RESIDENTS: usize = 4;
const WATCHES: usize = 2;

const fn entry(hook: HookFn, family: u32, point: u32, priority: i32) -> bindings::nf_hook_ops {
    bindings::nf_hook_ops {
        hook: Some(hook),
        pf: family as u8,
        hooknum: point,
        priority,
        ..pin_init::zeroed()
    }
}

/// The hooks, for each `T`.
struct Tables<T: StackHook>(PhantomData<T>);

impl<T: StackHook> Tables<T> {
    const RESIDENT: [bindings::nf_hook_ops; RESIDENTS] = [
        entry(arp_input::<T>, NFPROTO_ARP, NF_ARP_IN, i32::MIN),
        entry(arp_output::<T>, NFPROTO_ARP, NF_ARP_OUT, i32::MIN),
        entry(ip_output::<T>, NFPROTO_IPV4, LOCAL_OUT, i32::MIN),
        entry(ip_output::<T>, NFPROTO_IPV6, LOCAL_OUT, i32::MIN),
    ];

    const WATCH: [bindings::nf_hook_ops; WATCHES] = [
        entry(ip_input::<T>, NFPROTO_IPV4, PRE_ROUTING, i32::MAX),
        entry(ip_input::<T>, NFPROTO_IPV6, PRE_ROUTING, i32::MAX),
    ];
}

/// Hooks that are in a namespace as long as anybody wants them. Zeros are valid: nobody does.
///
/// # Invariants
///
/// `hooks` is registered while `users` is not 0, and not written then.
#[repr(C)]
struct Shared<const LEN: usize> {
    hooks: [bindings::nf_hook_ops; LEN],
    users: u32,
}

impl<const LEN: usize> Shared<LEN> {
    /// One more wants them.
    ///
    /// # Safety
    ///
    /// `net` is valid, and this stays where it is until as many have left.
    unsafe fn join(&mut self, net: *mut bindings::net) -> Result {
        if self.users == 0 {
            // SAFETY: By this function's contract.
            to_result(unsafe {
                bindings::nf_register_net_hooks(net, self.hooks.as_ptr(), LEN as c_uint)
            })?;
        }
        self.users = self.users.saturating_add(1);
        Ok(())
    }

    /// One less does.
    ///
    /// # Safety
    ///
    /// It has joined, in `net`, and has not left since.
    unsafe fn leave(&mut self, net: *mut bindings::net) {
        self.users = self.users.saturating_sub(1);
        if self.users == 0 {
            // SAFETY: Registered by the first of them.
            unsafe { bindings::nf_unregister_net_hooks(net, self.hooks.as_ptr(), LEN as c_uint) };
        }
    }
}

/// What each namespace has of ours.
#[repr(C)]
struct Hooks {
    /// Of the devices of ours that are up. Under RTNL.
    resident: Shared<RESIDENTS>,
    /// Of those that want the watch. Under `WATCHERS`.
    watch: Shared<WATCHES>,
    /// Those of them that are not settled. The `priv` of the resident hooks points here.
    unsettled: Atomic<i32>,
}

// SAFETY: Zeros are valid in each field.
unsafe impl Zeroable for Hooks {}

static HOOKS: PernetData = PernetData::of::<Hooks>();

kernel::sync::global_lock! {
    // SAFETY: Initialised before the first device of ours is made: see `Entered::new()`.
    unsafe(uninit) static WATCHERS: Mutex<()> = ();
}

/// Devices of ours can be set up while this exists.
#[pin_data]
pub(super) struct Entered {
    #[pin]
    registration: Registration,
}

impl Entered {
    /// Once a module.
    pub(super) fn new() -> impl PinInit<Self, Error> {
        // SAFETY: Called once, and nobody takes it before this has returned.
        unsafe { WATCHERS.init() };
        try_pin_init!(Self {
            registration <- Registration::new::<InNamespace>(Some(&HOOKS)),
        }? Error)
    }
}

struct InNamespace;

impl PerNet for InNamespace {
    unsafe fn enter(_net: *mut bindings::net) -> Result {
        Ok(())
    }

    unsafe fn leave(_net: *mut bindings::net) {}
}

/// The share that one device of ours has in the hooks of its namespace, and its own egress hook,
/// which is there as long as the device wants the watch.
#[pin_data]
pub(crate) struct Watch {
    is_up: Atomic<bool>,
    is_counted: Atomic<bool>,
    #[pin]
    post: Mutex<Post>,
    early: EgressHook,
}

/// # Invariants
///
/// `device` is null, or the device, which is up and in its namespace. While `is_manned` it has the
/// watch, and its egress hook is registered.
struct Post {
    device: *mut bindings::net_device,
    is_manned: bool,
}

// SAFETY: The pointer is followed under the lock alone, and any thread may.
unsafe impl Send for Post {}

impl Watch {
    pub(crate) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            is_up: Atomic::new(false),
            is_counted: Atomic::new(false),
            post <- mutex!(
                Post {
                    device: ptr::null_mut(),
                    is_manned: false,
                },
                "carp watch"
            ),
            early: EgressHook::new(),
        }? Error)
    }

    /// `device` is set up: from now on it has the resident hooks, and the watch, which it wants at
    /// first. `early` is to see what it is asked to send as long as it wants the watch.
    ///
    /// # Safety
    ///
    /// There are [`Entered`]. `device` is of ours, and is not freed before [`Watch::close`] was
    /// called and a grace period has passed after that; this lives as long. `early` is of the form
    /// that netfilter calls.
    pub(super) unsafe fn open<T: StackHook>(
        &self,
        rtnl: &Rtnl<'_>,
        device: &NetDevice,
        early: HookFn,
    ) -> Result {
        // SAFETY: By this function's contract.
        unsafe { enter::<T>(rtnl, device) }?;
        self.early.prepare(device, early);
        let mut post = self.post.lock();
        // INVARIANT: It is about to be up.
        post.device = device.as_ptr();
        let manned = post.man(&self.early);
        drop(post);
        self.is_up.store(true, Release);
        self.count(device, || false);
        // SAFETY: Entered just now.
        manned.inspect_err(|_| unsafe { self.close(rtnl, device) })
    }

    /// `device` is set down.
    ///
    /// # Safety
    ///
    /// [`Watch::open`] has been called for `device`, once for this, and has not failed.
    pub(super) unsafe fn close(&self, rtnl: &Rtnl<'_>, device: &NetDevice) {
        self.is_up.store(false, Release);
        self.count(device, || true);
        let mut post = self.post.lock();
        post.leave(&self.early);
        post.device = ptr::null_mut();
        drop(post);
        // SAFETY: By this function's contract it has entered.
        unsafe { leave(rtnl, device) };
    }

    /// Whether `device` is settled has changed, and `is_settled` says it. Any context.
    pub(crate) fn count(&self, device: &NetDevice, is_settled: impl Fn() -> bool) {
        let counts = || self.is_up.load(Acquire) && !is_settled();
        loop {
            let now = counts();
            if self.is_counted.xchg(now, Full) != now {
                // SAFETY: The device is in its namespace, and the module has its data there.
                let hooks: *mut Hooks = unsafe { HOOKS.get(device.net()) };
                // SAFETY: As above; shared.
                let unsettled = unsafe { &(*hooks).unsettled };
                unsettled.add(if now { 1 } else { -1 }, Relaxed);
            }
            // So the last one to count has seen the last change.
            if counts() == now {
                return;
            }
        }
    }

    /// The device has the watch from now on if `is_wanted`, and not otherwise. Fails if out of
    /// memory, and then has it not. Context: process; sleeps.
    pub(crate) fn follow(&self, is_wanted: impl FnOnce() -> bool) -> Result {
        let mut post = self.post.lock();
        if is_wanted() {
            post.man(&self.early)
        } else {
            post.leave(&self.early);
            Ok(())
        }
    }
}

impl Post {
    /// Does nothing for a device that is down.
    fn man(&mut self, early: &EgressHook) -> Result {
        if self.is_manned || self.device.is_null() {
            return Ok(());
        }
        // SAFETY: By the type's invariant.
        let device = unsafe { NetDevice::from_raw(self.device) };
        begin_watch(device)?;
        // SAFETY: Prepared for this device. By the type's invariant `leave()` is called before it
        // leaves its namespace.
        let registered = unsafe { early.register(device) };
        if registered.is_err() {
            end_watch(device);
        }
        self.is_manned = registered.is_ok();
        registered
    }

    fn leave(&mut self, early: &EgressHook) {
        if !core::mem::take(&mut self.is_manned) {
            return;
        }
        // SAFETY: By the type's invariant.
        let device = unsafe { NetDevice::from_raw(self.device) };
        // SAFETY: Registered by the type's invariant.
        unsafe { early.unregister(device) };
        end_watch(device);
    }
}

/// One device more wants the watch.
fn begin_watch(device: &NetDevice) -> Result {
    let net = device.net();
    // SAFETY: The device is up, so the namespace has been entered.
    let hooks: *mut Hooks = unsafe { HOOKS.get(net) };
    let _watchers = WATCHERS.lock();
    // SAFETY: The lock is held, and nobody else uses the field. It was filled when the namespace
    // was entered, and stays.
    unsafe { (*hooks).watch.join(net) }
}

/// One device less does.
fn end_watch(device: &NetDevice) {
    let net = device.net();
    // SAFETY: As in `begin_watch()`.
    let hooks: *mut Hooks = unsafe { HOOKS.get(net) };
    let _watchers = WATCHERS.lock();
    // SAFETY: As in `begin_watch()`, which the device has called.
    unsafe { (*hooks).watch.leave(net) };
}

/// The resident hooks are in the namespace of `near` from now on, until it was left as often as
/// entered.
///
/// # Safety
///
/// There are [`Entered`].
unsafe fn enter<T: StackHook>(_rtnl: &Rtnl<'_>, near: &NetDevice) -> Result {
    let net = near.net();
    // SAFETY: The data is there by this function's contract.
    let hooks: *mut Hooks = unsafe { HOOKS.get(net) };
    // SAFETY: As above. RTNL is held, and nobody else uses the field.
    let resident = unsafe { &mut (*hooks).resident };
    if resident.users == 0 {
        resident.hooks = Tables::<T>::RESIDENT;
        for hook in &mut resident.hooks {
            // SAFETY: The data is there.
            hook.priv_ = unsafe { &raw mut (*hooks).unsettled }.cast();
        }
        // SAFETY: No device is up, so nobody uses the watch.
        unsafe { (*hooks).watch.hooks = Tables::<T>::WATCH };
    }
    // SAFETY: The namespace is valid, and keeps the data until all have left.
    unsafe { resident.join(net) }
}

/// # Safety
///
/// [`enter`] has succeeded in this namespace, once for this.
unsafe fn leave(_rtnl: &Rtnl<'_>, near: &NetDevice) {
    let net = near.net();
    // SAFETY: As in `enter()`.
    let hooks: *mut Hooks = unsafe { HOOKS.get(net) };
    // SAFETY: As in `enter()`, which was called for this.
    unsafe { (*hooks).resident.leave(net) };
}

/// # Safety
///
/// Netfilter has called a hook of [`Tables`] with `skb`, and `dev` is the device that its state
/// has.
unsafe fn seen<'a>(
    dev: *mut bindings::net_device,
    skb: *mut bindings::sk_buff,
) -> (&'a NetDevice, &'a mut SkBuff) {
    // SAFETY: By this function's contract; the hook has the packet to itself while it looks.
    unsafe { (NetDevice::from_raw(dev), SkBuff::from_raw(skb)) }
}

/// # Safety
///
/// Called by netfilter, as a hook at `NF_ARP_IN`, only.
unsafe extern "C" fn arp_input<T: StackHook>(
    _private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By this function's contract; on input there is the receiving device.
    let (device, packet) = unsafe { seen((*state).in_, skb) };
    // SAFETY: Netfilter calls hooks under RCU.
    let guard = unsafe { read_locked() };
    verdict(T::arp_input(guard, device, packet))
}

/// # Safety
///
/// Called by netfilter, as a hook at `NF_ARP_OUT`, only.
unsafe extern "C" fn arp_output<T: StackHook>(
    _private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By this function's contract; on output there is the sending device.
    let (device, packet) = unsafe { seen((*state).out, skb) };
    // SAFETY: Netfilter calls hooks under RCU.
    let guard = unsafe { read_locked() };
    verdict(T::arp_output(guard, device, packet))
}

/// # Safety
///
/// Called by netfilter, as a hook at `NF_INET_PRE_ROUTING`, only.
unsafe extern "C" fn ip_input<T: StackHook>(
    _private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By this function's contract; on input there is the receiving device.
    let (device, packet) = unsafe { seen((*state).in_, skb) };
    // SAFETY: Netfilter calls hooks under RCU.
    let guard = unsafe { read_locked() };
    verdict(packet.has_route() || T::ip_input(guard, device, packet))
}

/// # Safety
///
/// Called by netfilter, as a hook at `NF_INET_LOCAL_OUT`, only.
unsafe extern "C" fn ip_output<T: StackHook>(
    private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: The `priv` of the resident hooks.
    let unsettled: &Atomic<i32> = unsafe { &*private.cast() };
    // Most packets of a host that owns all its virtual addresses end here.
    if unsettled.load(Acquire) == 0 {
        return bindings::NF_ACCEPT;
    }
    // SAFETY: By this function's contract; on output there is the sending device.
    let (device, packet) = unsafe { seen((*state).out, skb) };
    // SAFETY: Netfilter calls hooks under RCU.
    let guard = unsafe { read_locked() };
    verdict(T::ip_output(guard, device, packet))
}
