// SPDX-License-Identifier: GPL-2.0
//! CARP, the Common Address Redundancy Protocol, as a network device.
//!
//! Two or more hosts share addresses. One is MASTER: the addresses work there. The others are
//! BACKUP: the addresses are configured and silent, until the MASTER is.
//!
//! # Rooms
//!
//! Each uses those above it only, and `make check` proves that.
//!
//! * `proto`: the protocol, pure: no kernel, no `unsafe`, no clock, no I/O.
//! * `serializer`: which operation on a group may start, and what becomes of the others. Pure too.
//! * `sys`: the kernel's objects as safe interfaces, and the only `unsafe`. Knows nothing of CARP.
//! * `address`: whose the virtual addresses are: their table, and the routes that make an address
//!   local.
//! * `vhost`: one virtual host: machine, timer, users, adverts.
//! * `group`: a parent, the snapshot of virtual hosts that its packets are matched with, the carp
//!   devices that hold these, and what is done to all that.
//! * `packets`: what is seen of the wire and of the stack.
//! * `device`: what Linux sees: the link kind, its attributes, the parents' events.
//!
//! `vhost` calls `proto` with the time and an input, and carries out what it returns. So does
//! `group` with `serializer`, without the time.
//!
//! # Contexts and locks
//!
//! | context | may | must not |
//! |---|---|---|
//! | receive and transmit hooks (softirqs off, RCU) | load `carp_if` once, and the table of virtual addresses; take a vhost's lock, for an advert | sleep, take RTNL |
//! | vhost timer (softirq) | take its vhost's lock, send | touch the `carp_if` pointer |
//! | notifier of IPv6 addresses (any, locks of IPv6 held) | have the addresses read by the workqueue | sleep, take RTNL, look at the list |
//! | link operations, other notifiers (process, RTNL held) | allocate, submit operations, run one that nothing is in the way of | wait for the serializer |
//! | serializer's work (process) | sleep, take RTNL for a step, wait for a grace period | hold RTNL while it waits |
//!
//! Lock order: RTNL, a serializer's `guarded`, a parent's `writer`, a vhost's `core`, the
//! `standings` of its device; a carp device's `core`, a parent's `home` and an answer's `message`
//! are the innermost. An ownership's `routes` come before RTNL, which every request to rtnetlink
//! takes; a watch's `post` comes after both, and before `WATCHERS`. No packet is sent under any of
//! them but RTNL. Under `writer` hooks and a debugfs file are made and removed, under a vhost's
//! `core` a timer is armed, under `standings` a carrier is set and work enqueued: nothing that
//! comes back here.

#[allow(dead_code, unreachable_pub)] // The host crate of tests/proto uses what the module does not.
mod proto;
#[allow(unreachable_pub)] // For the same crate.
mod serializer;

mod address;
mod device;
mod group;
mod packets;
mod sys;
mod vhost;

use kernel::prelude::*;

module! {
    type: Carp,
    name: "carp",
    authors: ["The carp authors"],
    description: "CARP: hosts that share addresses",
    license: "GPL",
    alias: ["rtnl-link-carp"],
}

/// Dropped in the order of the fields: first the devices, then what tells them of the world, last
/// what their remains need to be freed.
#[pin_data]
struct Carp {
    #[pin]
    _link: sys::link::Registration<group::carp_device::CarpDevice>,
    #[pin]
    _sync: sys::genl::Registration,
    #[pin]
    _notifiers: sys::notifier::Notifiers,
    #[pin]
    _validators: sys::validator::Validators,
    #[pin]
    _vetoes: sys::fib::Vetoes,
    #[pin]
    _tables: sys::pernet::RcuPernet<address::table::Table>,
    _queue: sys::queue::Registration,
    _debugfs: sys::debugfs::Registration,
}

impl kernel::InPlaceModule for Carp {
    fn init(module: &'static ThisModule) -> impl PinInit<Self, Error> {
        // The reverse: nobody can make a device before everything that it needs is there.
        try_pin_init!(Self {
            _debugfs: sys::debugfs::Registration::new(),
            _queue: sys::queue::Registration::new()?,
            _tables <- sys::pernet::RcuPernet::new(),
            _vetoes <- sys::fib::Vetoes::new::<packets::fib_veto::FibVeto>(),
            _validators <- sys::validator::Validators::new::<device::events::Events>(),
            _notifiers <- sys::notifier::Notifiers::new::<device::events::Events>(),
            _sync <- sys::genl::Registration::new::<device::sync::Sync>(module),
            _link <- sys::link::Registration::new(),
        }? Error)
    }
}
