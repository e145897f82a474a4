// SPDX-License-Identifier: GPL-2.0
//! A parent and the carp devices on it: which of their virtual hosts run, and how that changes.
//!
//! * `carp_if`: the snapshot of those that run, which packets are matched with.
//! * `parent`: the device below, which publishes it; `home`: the group that a parent belongs to.
//! * `carp_device`: a carp device, its addresses, and what its parent listens to for it.
//! * `addresses`: a list of addresses, and the groups in which they are asked for.
//! * `settings`: what is asked of a carp device; `statistics`: what is counted of a parent.
//! * `ties`: devices, and so parents, that fail over together; `parents`: a list of those.
//! * `inspect`: what can be seen of it in debugfs.
//! * `operation`, `renumbering`, `answers`: what is done to all that.
//! * `serializer`: carries out what `crate::serializer` decides, one after the other.

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
