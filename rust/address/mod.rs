// SPDX-License-Identifier: GPL-2.0
//! Who owns the virtual addresses: what the host says about them by ARP and Neighbour Discovery, from
//! which MAC address it speaks for them, and whether it takes them for its own.

pub(crate) mod arp;
pub(crate) mod conflicts;
pub(crate) mod gate;
pub(crate) mod nd;
pub(crate) mod ownership;
pub(crate) mod routes;
pub(crate) mod stack;
pub(crate) mod table;
mod window;
