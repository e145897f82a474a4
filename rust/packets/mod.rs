// SPDX-License-Identifier: GPL-2.0
//! The packets that the hooks see, on the wire and in the stack, and what becomes of them.
//!
//! * `frames`: the packets of a parent.
//! * `arrival`: what a carp device has received.
//! * `arp`, `nd`: ARP and Neighbour Discovery for the virtual addresses.
//! * `stack`: the hooks of a namespace; `window`: the packets right after a change of state.
//! * `fib_veto`: which routes get into the FIB.
//! * `owner`: the carp device that has an address in a packet.

mod arp;
mod arrival;
pub(crate) mod fib_veto;
mod frames;
mod nd;
mod owner;
pub(crate) mod stack;
mod window;
