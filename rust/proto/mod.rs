// SPDX-License-Identifier: GPL-2.0
//! The protocol, and nothing else.
//!
//! Everything here is a function of its arguments. The time comes in as nanoseconds of a monotonic
//! clock, the keyed hash as an [`Hmac`](carp::auth::Hmac), the first counter as a number.
//! [`Actions`](machine::Actions) go out, for the caller to carry out. There is no I/O, no
//! allocation, no lock and no clock. So the same files are a module of the kernel crate and of the
//! host crate in `tests/proto`. For that, paths inside are `super::` and only `core::` is used.
//!
//! # Contexts
//!
//! Any. The caller serializes the calls into one [`Machine`](machine::Machine).
//!
//! # Panics
//!
//! None. A Rust panic in the kernel is a BUG. So nothing here indexes by a value, unwraps, or uses
//! an operator that overflow checks would trap. `tests/proto` proves that by lints, and by linking
//! these files without a panic handler.
//!
//! # Rooms
//!
//! Each uses those above it.
//!
//! - [`link`]: bytes, MAC addresses, IPv4, IPv6, ARP and Neighbour Discovery.
//! - [`config`]: the settings of a virtual host that speaks CARP, and their ranges.
//! - [`timers`]: the formulas for the two intervals.
//! - [`demotion`]: the table of its causes, and which hold.
//! - [`state`]: states, reasons, events, and the table of all changes of state.
//! - [`source`]: where adverts come from.
//! - [`protocol`]: what the machine takes from a protocol.
//! - [`machine`]: the machine, for any of them.
//! - [`carp`]: CARP version 2: adverts, digest, counter, priority, election.

#![forbid(unsafe_code)]

pub mod carp;
pub mod config;
pub mod demotion;
pub mod link;
pub mod machine;
pub mod protocol;
pub mod source;
pub mod state;
pub mod timers;
