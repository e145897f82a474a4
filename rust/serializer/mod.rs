// SPDX-License-Identifier: GPL-2.0
//! The operations of one group, as a value: which of them may start, and what happens to the
//! others.
//!
//! What happens goes in as a call of [`Queue`](queue::Queue). What is to be done about it comes
//! out: start this, fold that, park, resume, finish. There is no lock, no thread, no clock and no
//! allocation here. The same files are a module of the kernel crate and of the host crate in
//! `tests/proto`; for that, paths inside are `super::` and only `core::` is used.
//!
//! # Vocabulary
//!
//! * *group*: the parents, with their virtual hosts, that share a queue.
//! * *current*: the operation that has started and not finished. There is one at most.
//! * *parked*: the current operation waits for the last user of its virtual hosts. No thread waits.
//! * *folded*: an operation that is carried out as a part of the current one, which only waits to
//!   free what it replaced. Both finish together, after one grace period.
//! * *along*: an operation that goes through the same rest as the one that starts.
//! * *merged*: an operation that is carried out together with an equal one, which waited before it.
//!   Also two groups that have become one.
//!
//! # Contexts
//!
//! Any. The caller serializes the calls into one queue. One thread at a time submits, starts,
//! steps, and moves what waits to another group: in the kernel the one that holds RTNL.
//!
//! # Panics
//!
//! None; proved as for `rust/proto`.
//!
//! # Rooms
//!
//! - [`kind`]: the kinds of operations, and how many of them can wait at once.
//! - [`operation`]: what the queue has to know of an operation, and of a list of them.
//! - [`waiting`]: those that wait for their turn.
//! - [`queue`]: those and the current one; the table of all states and events.

#![forbid(unsafe_code)]

pub mod kind;
pub mod operation;
pub mod queue;
pub mod waiting;
