// SPDX-License-Identifier: GPL-2.0
//! A parent and the virtual hosts on it: which of them run, and how that changes.
//!
//! * `carp_if`: the snapshot of those that run, which packets are matched with.
//! * `parent`: who publishes it.
//! * `carp_device`: a carp device, its addresses, and what its parent listens to for it; `holder`:
//!   what its virtual hosts know of it; `home`: room for what can be asked of it.
//! * `vhost`: one virtual host.
//! * `addresses`: a list of addresses, and what follows from which there are.
//! * `adverts`: an advert on its way out.
//! * `digest`: what it is signed with.
//! * `quiescence`: counts the users inside a virtual host, and tells when it is at rest.
//! * `settings`: what is asked of a carp device; `status`: what a virtual host says;
//!   `statistics`, `notices`: what is counted and what is logged.
//! * `ties`: devices, and so parents, that fail over together; `parents`: a list of those.
//! * `inspect`: what can be seen of it in debugfs.
//! * `operation`, `renumbering`, `answers`: what is done to all that.
//! * `serializer`: carries out what `crate::serializer` decides, one after the other.

pub(crate) mod addresses;
pub(crate) mod adverts;
pub(crate) mod answers;
pub(crate) mod carp_device;
pub(crate) mod carp_if;
mod digest;
mod holder;
mod home;
mod inspect;
mod notices;
pub(crate) mod operation;
pub(crate) mod parent;
pub(crate) mod parents;
mod quiescence;
pub(crate) mod renumbering;
pub(crate) mod serializer;
pub(crate) mod settings;
pub(crate) mod statistics;
pub(crate) mod status;
pub(crate) mod ties;
pub(crate) mod vhost;
