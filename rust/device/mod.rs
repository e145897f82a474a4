// SPDX-License-Identifier: GPL-2.0
//! What Linux sees: the link kind `carp`, its devices, and the packets of their parents.

mod attributes;
pub(crate) mod events;
pub(crate) mod frames;
mod limits;
pub(crate) mod link;
pub(crate) mod notices;
pub(crate) mod statistics;
pub(crate) mod sync;
