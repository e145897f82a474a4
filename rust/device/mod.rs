// SPDX-License-Identifier: GPL-2.0
//! What Linux sees: the link kind `carp` and its devices.

mod attributes;
pub(crate) mod events;
mod limits;
pub(crate) mod link;
pub(crate) mod sync;
