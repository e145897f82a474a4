// SPDX-License-Identifier: GPL-2.0
//! A parent and the carp devices on it: which of their virtual hosts run, and how that changes.
//!
//! * `carp_if`: the snapshot of the virtual hosts that run. A packet finds its virtual host in it.
//! * `parent`: the device below, which publishes the snapshot; `home`: the group of a parent.
//! * `carp_device`: a carp device, its addresses, and what its parent listens to for it.
//! * `addresses`: a list of addresses, and the solicited-node groups of the IPv6 ones.
//! * `settings`: what a request asks of a carp device; `statistics`: the counters of a parent.
//! * `ties`: devices, and so parents, that fail over together; `parents`: a list of parents.
//! * `inspect`: a parent's file in debugfs.
//! * `operation`, `renumbering`: the changes of a group; `answers`: the answers to `carp sync`.
//! * `serializer`: carries out what `crate::serializer` decides, one operation after the other.

pub(crate) mod addresses;
pub(crate) mod answers;
pub(crate) mod carp_device;
pub(crate) mod carp_if;
mod home;
mod inspect;
pub(crate) mod operation;
pub(crate) mod parent;
pub(crate) mod parents;
pub(crate) mod renumbering;
pub(crate) mod serializer;
pub(crate) mod settings;
pub(crate) mod statistics;
pub(crate) mod ties;
