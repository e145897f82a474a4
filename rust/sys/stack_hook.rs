// SPDX-License-Identifier: GPL-2.0
//! Netfilter hooks of a network namespace: where its stack is about to act on what a device has
//! received, or to send what it says itself.
//!
//! They are in a namespace as long as there is anything of ours in it, as [`enter`] and [`leave`]
//! count. Every hook function runs under RCU; those of what is received with softirqs off, the
//! others in any context but hard interrupts.

use super::{
    bindings::{
        self, nf_inet_hooks_NF_INET_LOCAL_OUT as LOCAL_OUT,
        nf_inet_hooks_NF_INET_PRE_ROUTING as PRE_ROUTING, NFPROTO_ARP, NFPROTO_IPV4, NFPROTO_IPV6,
        NF_ARP_IN, NF_ARP_OUT,
    },
    hook::{verdict, HookFn},
    net_device::{NetDevice, Rtnl},
    pernet::{PerNet, PernetData, Registration},
    skb::SkBuff,
};
use core::marker::PhantomData;
use kernel::{
    error::to_result,
    ffi::{c_uint, c_void},
    prelude::*,
    sync::rcu::Guard,
};

/// What has a say in a namespace's stack.
pub(crate) trait StackHook: 'static {
    /// `device` has received an ARP packet and is about to act on it. False drops it.
    fn arp_input(guard: &Guard, device: &NetDevice, packet: &SkBuff) -> bool;

    /// `device` is about to send an ARP packet. False drops it.
    fn arp_output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool;

    /// This host is about to send an IP packet of its own, by `device`. False drops it. This is
    /// called for every packet that the namespace says.
    fn ip_output(guard: &Guard, device: &NetDevice, packet: &mut SkBuff) -> bool;

    /// `device` has received an IP packet, which the tables will be asked for unless it is given a
    /// route. Filters and address translation are done with it. False drops it. This is called for
    /// every packet of the namespace: most must be let pass at once.
    fn ip_input(device: &NetDevice, packet: &mut SkBuff) -> bool;
}

const TABLE_LEN: c_uint = 6;

const fn entry(hook: HookFn, family: u32, point: u32, priority: i32) -> bindings::nf_hook_ops {
    bindings::nf_hook_ops {
        hook: Some(hook),
        pf: family as u8,
        hooknum: point,
        priority,
        ..pin_init::zeroed()
    }
}

/// The tables that C reads, one copy for each `T`.
struct Tables<T: StackHook>(PhantomData<T>);

impl<T: StackHook> Tables<T> {
    const OPS: [bindings::nf_hook_ops; TABLE_LEN as usize] = [
        entry(arp_input::<T>, NFPROTO_ARP, NF_ARP_IN, i32::MIN),
        entry(arp_output::<T>, NFPROTO_ARP, NF_ARP_OUT, i32::MIN),
        entry(ip_input::<T>, NFPROTO_IPV4, PRE_ROUTING, i32::MAX),
        entry(ip_input::<T>, NFPROTO_IPV6, PRE_ROUTING, i32::MAX),
        entry(ip_output::<T>, NFPROTO_IPV4, LOCAL_OUT, i32::MIN),
        entry(ip_output::<T>, NFPROTO_IPV6, LOCAL_OUT, i32::MIN),
    ];

    /// Netfilter keeps pointers to it, and never writes it.
    const REF: &'static [bindings::nf_hook_ops; TABLE_LEN as usize] = &Self::OPS;
}

/// How often a namespace was entered; used under RTNL alone.
static ENTERED: PernetData = PernetData::of::<u32>();

/// Namespaces can be entered while this exists.
#[pin_data]
pub(super) struct Entered {
    #[pin]
    registration: Registration,
}

impl Entered {
    /// Once a module.
    pub(super) fn new() -> impl PinInit<Self, Error> {
        try_pin_init!(Self {
            registration <- Registration::new::<InNamespace>(Some(&ENTERED)),
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

/// The hooks are in the namespace of `near` from now on, until it was left as often as entered.
///
/// # Safety
///
/// There are [`Entered`].
pub(super) unsafe fn enter<T: StackHook>(_rtnl: &Rtnl<'_>, near: &NetDevice) -> Result {
    let (net, tables) = (near.net(), Tables::<T>::REF);
    // SAFETY: The data is there by this function's contract, and RTNL is held.
    let entered: &mut u32 = unsafe { &mut *ENTERED.get(net) };
    if *entered == 0 {
        // SAFETY: The namespace is valid, the table is static.
        to_result(unsafe { bindings::nf_register_net_hooks(net, tables.as_ptr(), TABLE_LEN) })?;
    }
    *entered = entered.saturating_add(1);
    Ok(())
}

/// # Safety
///
/// [`enter`] has succeeded in this namespace, with this `T` and once for this.
pub(super) unsafe fn leave<T: StackHook>(_rtnl: &Rtnl<'_>, near: &NetDevice) {
    let (net, tables) = (near.net(), Tables::<T>::REF);
    // SAFETY: As in `enter()`.
    let entered: &mut u32 = unsafe { &mut *ENTERED.get(net) };
    *entered = entered.saturating_sub(1);
    if *entered == 0 {
        // SAFETY: Registered when the namespace was entered first.
        unsafe { bindings::nf_unregister_net_hooks(net, tables.as_ptr(), TABLE_LEN) };
    }
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
    verdict(T::arp_input(&Guard::new(), device, packet))
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
    verdict(T::arp_output(&Guard::new(), device, packet))
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
    verdict(T::ip_input(device, packet))
}

/// # Safety
///
/// Called by netfilter, as a hook at `NF_INET_LOCAL_OUT`, only.
unsafe extern "C" fn ip_output<T: StackHook>(
    _private: *mut c_void,
    skb: *mut bindings::sk_buff,
    state: *const bindings::nf_hook_state,
) -> c_uint {
    // SAFETY: By this function's contract; on output there is the sending device.
    let (device, packet) = unsafe { seen((*state).out, skb) };
    verdict(T::ip_output(&Guard::new(), device, packet))
}
