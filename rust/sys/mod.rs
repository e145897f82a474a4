// SPDX-License-Identifier: GPL-2.0
//! The kernel's objects behind safe interfaces: the only room with `unsafe`.
//!
//! One file per kernel object. Nothing here knows what CARP is.
//!
//! An entry point that C calls does three things. It turns pointers into references, calls a safe
//! method of a trait that another room implements, and turns the `Result` into what C expects.

pub(crate) mod atomic;
mod bindings;
pub(crate) mod bridge;
pub(crate) mod clock;
pub(crate) mod collect;
pub(crate) mod debugfs;
pub(crate) mod fib;
pub(crate) mod genl;
pub(crate) mod hmac;
pub(crate) mod hook;
pub(crate) mod inet;
pub(crate) mod inet6;
pub(crate) mod link;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod namespace;
pub(crate) mod net_device;
pub(crate) mod netlink;
pub(crate) mod notifier;
pub(crate) mod parameters;
pub(crate) mod pernet;
pub(crate) mod queue;
pub(crate) mod rcu;
pub(crate) mod route;
pub(crate) mod rtnetlink;
pub(crate) mod skb;
pub(crate) mod sort;
pub(crate) mod stack_hook;
pub(crate) mod timer;
pub(crate) mod trace;
pub(crate) mod uapi;
pub(crate) mod validator;
