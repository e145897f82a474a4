// SPDX-License-Identifier: GPL-2.0
//! The CARP protocol, and nothing else.
//!
//! Everything here is a function of its arguments: the time comes in as nanoseconds of a
//! monotonic clock, the keyed hash as a [`Mac`](auth::Mac), the first counter as a number. What is
//! to be done about it goes out as [`Actions`](machine::Actions). There is no I/O, no allocation,
//! no lock and no clock, so the same files are a module of the kernel crate and of the host crate
//! in `tests/proto`; for that, paths inside are `super::` and only `core::` is used.
//!
//! # Contexts
//!
//! Any. The caller serializes the calls into one [`Machine`](machine::Machine).
//!
//! # Panics
//!
//! None. A Rust panic in the kernel is a BUG, so nothing here indexes by a value, unwraps, or
//! computes with an operator that overflow checks would trap; `tests/proto` holds these files to
//! that with lints and by linking them without a panic handler.
//!
//! # Rooms
//!
//! - [`wire`]: the advert and the frames around it, both ways.
//! - [`ipv6`]: the header of IPv6, and what addresses follow from others.
//! - [`nd`]: Neighbour Discovery for a shared address.
//! - [`auth`]: what the digest of an advert covers.
//! - [`signature`]: for which list of addresses, while that changes.
//! - [`config`]: the settings of a virtual host and their ranges.
//! - [`timers`]: the formulas for the two intervals.
//! - [`demotion`]: the causes that hold now, and the priority that follows from them.
//! - [`election`]: who is to be MASTER.
//! - [`counter`]: the counters of the adverts sent and accepted.
//! - [`peers`]: the peers of this implementation, known by their counters.
//! - [`pace`]: how often a master is heard.
//! - [`state`]: states, reasons, events, and the table of all changes of state.
//! - [`machine`]: the machine that joins them.

#![forbid(unsafe_code)]

pub mod auth;
pub mod config;
pub mod counter;
pub mod demotion;
pub mod election;
pub mod ipv6;
pub mod machine;
pub mod nd;
pub mod pace;
mod peers;
pub mod signature;
pub mod state;
pub mod timers;
pub mod wire;
