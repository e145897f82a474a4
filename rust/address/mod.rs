// SPDX-License-Identifier: GPL-2.0
//! The virtual addresses: which device has them, and whether this host owns them.
//!
//! * `ownership`: whether this host owns the addresses of one carp device, and what follows;
//!   `routes`: the routes that make the addresses local.
//! * `table`: the virtual addresses of a namespace.
//! * `announce`: what a MASTER says of its addresses.
//! * `conflicts`: duplicate addresses.

pub(crate) mod announce;
pub(crate) mod conflicts;
pub(crate) mod ownership;
mod routes;
pub(crate) mod table;
