// SPDX-License-Identifier: GPL-2.0
//! Whose the virtual addresses are.
//!
//! * `ownership`: whether this host owns those of one carp device, and what follows; `routes`: the
//!   routes that make them local.
//! * `table`: the virtual addresses of a namespace.
//! * `announce`: what a MASTER says of its addresses.
//! * `conflicts`: duplicate addresses.

pub(crate) mod announce;
pub(crate) mod conflicts;
pub(crate) mod ownership;
mod routes;
pub(crate) mod table;
