// SPDX-License-Identifier: GPL-2.0
//! A virtual host: the protocol's machine, with the timer, the clock and the network it lacks.
//!
//! * `virtual_host`: one of them.
//! * `holder`: what it shares with the others of its carp device; `lower`: its parent's interface.
//! * `families`: the address families that it advertises in.
//! * `adverts`: an advert on its way out; `digest`: what it is signed with.
//! * `quiescence`: counts the users inside a virtual host, and tells when it is at rest.
//! * `status`: what it says of itself; `statistics`, `notices`: what is counted and what is logged.

mod adverts;
pub(crate) mod digest;
pub(crate) mod families;
pub(crate) mod holder;
pub(crate) mod lower;
mod notices;
mod quiescence;
pub(crate) mod statistics;
pub(crate) mod status;
pub(crate) mod virtual_host;
