// SPDX-License-Identifier: GPL-2.0
//! CARP, the Common Address Redundancy Protocol, as a network device.
//!
//! Two or more hosts share addresses. One host is MASTER: the addresses work there. The others are
//! BACKUP: they have the addresses configured, and do not use them. When the MASTER falls silent, a
//! BACKUP becomes MASTER.
//!
//! # Rooms
//!
//! Each room uses only the rooms above it, and `make check` proves that.
//!
//! * `proto`: the protocol, pure: no kernel, no `unsafe`, no clock, no I/O.
//! * `serializer`: which operation on a group may start, and what becomes of the others. Pure too.
//! * `sys`: the kernel's objects as safe interfaces, and the only `unsafe`. Knows nothing of CARP.
//! * `address`: which device has a virtual address, and whether this host owns it: the table of
//!   addresses, and their local routes.
//! * `vhost`: one virtual host: machine, timer, users, adverts.
//! * `group`: a parent, the carp devices on it, the snapshot of their running virtual hosts, and
//!   the operations that change these.
//! * `packets`: what the hooks do with packets, on the wire and in the stack.
//! * `device`: what Linux sees: the link kind, its attributes, the parents' events.
//!
//! `vhost` calls `proto` with the time and an input, and carries out what `proto` returns. `group`
//! calls `serializer` in the same way, but without the time.
//!
//! # Contexts and locks
//!
//! | context | may | must not |
//! |---|---|---|
//! | receive and transmit hooks (any but hard interrupts, RCU) | load `carp_if` once, and the table of virtual addresses; take a vhost's lock, for an advert | sleep, take RTNL |
//! | veto in the FIB (any but hard interrupts, locks of the tables held) | ask who owns the address, enqueue work | sleep, take RTNL, change a route |
//! | vhost timer (softirq) | take its vhost's lock, send | touch the `carp_if` pointer |
//! | notifier of IPv6 addresses (any but hard interrupts, locks of IPv6 held) | have the workqueue read the addresses | sleep, take RTNL, read the addresses |
//! | link operations, other notifiers (process, RTNL held) | allocate, submit operations, run an operation that nothing is in the way of | wait for the serializer |
//! | notifier of a reboot (process, RCU) | take a vhost's lock, send | sleep, submit operations |
//! | serializer's work (process) | sleep, take RTNL for a step, wait for a grace period | hold RTNL while it waits |
//!
//! Lock order, from the outermost inwards: RTNL, a serializer's `guarded`, a parent's `writer`, a
//! vhost's `core`, the `standings` of its device. A carp device's `core`, a parent's `home` and an
//! answer's `message` are innermost: no other lock is taken under them. An ownership's `routes`
//! come before RTNL, since every request to rtnetlink takes RTNL. A watch's `post` comes after
//! both, and before `WATCHERS`.
//!
//! The module sends packets under RTNL, and under none of the other locks. Under `writer` it adds
//! and removes hooks, and makes a debugfs file. Under a vhost's `core` it arms a timer. Under
//! `standings` it sets a carrier and enqueues work. None of these calls comes back into the module.

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

/// The fields are dropped from the first to the last. Dropping the link kind deletes all devices.
/// Then the module takes back its other registrations with the kernel. The workqueues and debugfs
/// go last: what is left of the devices needs them until it is freed.
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
        // In reverse order: nobody can make a device before all that a device needs is there.
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
