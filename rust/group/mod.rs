// SPDX-License-Identifier: GPL-2.0
//! A parent and the virtual hosts on it.

pub(crate) mod carp_if;
pub(crate) mod parent;
pub(crate) mod vhost;
