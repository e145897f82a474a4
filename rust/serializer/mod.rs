// SPDX-License-Identifier: GPL-2.0
//! The operations of one group, as a value: which of them may start, and what happens to the
//! others.
//!
//! Each event is a call of [`Queue`](queue::Queue), and returns a decision: start this, fold that,
//! park, resume, finish. There is no lock, no thread, no clock and no allocation here. The same
//! files are a module of the kernel crate and of the host crate in `tests/proto`. For that, paths
//! inside are `super::` and only `core::` is used.
//!
//! # Vocabulary
//!
//! * *group*: the parents, with their virtual hosts, that share a queue.
//! * *current*: the operation that has started and not finished. There is one at most.
//! * *parked*: the current operation waits for the last user of its virtual hosts. No thread waits.
//! * *folded*: carried out as a part of the current operation, which only waits for its grace
//!   period. Both finish together, after that one grace period.
//! * *along*: carried out together with the operation that starts, while the virtual hosts are at
//!   rest for it.
//! * *merged*: made one with an equal operation that waits. Groups are merged too: two become one.
//!
//! # Contexts
//!
//! Any. The caller serializes the calls into one queue. Only one thread at a time submits, starts,
//! steps, or moves waiting operations to another group: in the kernel the one that holds RTNL.
//!
//! # Panics
//!
//! None; proved as for `rust/proto`.
//!
//! # Rooms
//!
//! - [`kind`]: the kinds of operations, and how many of them can wait at once.
//! - [`operation`]: what the queue has to know of an operation, and of a list of them.
//! - [`waiting`]: the operations that wait for their turn.
//! - [`queue`]: those and the current one; the table of all states and events.

#![forbid(unsafe_code)]

pub mod kind;
pub mod operation;
pub mod queue;
pub mod waiting;
