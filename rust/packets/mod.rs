// SPDX-License-Identifier: GPL-2.0
//! What is seen of the wire and of the stack, and what becomes of it.
//!
//! * `frames`: the packets of a parent.
//! * `arrival`: what a carp device has received.
//! * `arp`, `nd`: ARP and Neighbour Discovery for the virtual addresses.
//! * `stack`: the hooks of a namespace; `window`: those right after a change of state.
//! * `fib_veto`: which routes get into the tables.
//! * `owner`: whose the address in a packet is.

mod arp;
mod arrival;
pub(crate) mod fib_veto;
mod frames;
mod nd;
mod owner;
pub(crate) mod stack;
mod window;
