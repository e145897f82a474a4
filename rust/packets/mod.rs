// SPDX-License-Identifier: GPL-2.0
//! What is seen of the wire and of the stack, and what becomes of it.
//!
//! * `frames`: the packets of a parent.
//! * `arp`, `nd`: ARP and Neighbour Discovery for the virtual addresses.
//! * `stack`: the hooks of a namespace; `window`: those right after a change of state.
//! * `gate`: the FIB veto.
//! * `owner`: whose the address in a packet is.

mod arp;
mod frames;
pub(crate) mod gate;
mod nd;
mod owner;
pub(crate) mod stack;
mod window;
