// SPDX-License-Identifier: GPL-2.0
//! A virtual host: the protocol's machine, with the timer, the clock and the network it lacks.
//!
//! * `virtual_host`: one virtual host.
//! * `holder`: what the virtual hosts of a carp device share; `lower`: the interface of their
//!   parent.
//! * `families`: the address families that a virtual host advertises in.
//! * `adverts`: an advert on its way out; `digest`: what it is signed with.
//! * `quiescence`: counts the users inside a virtual host, and tells when it is at rest.
//! * `status`: what a virtual host says of itself; `statistics`: counters; `notices`: log lines.

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
