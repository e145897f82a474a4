// SPDX-License-Identifier: GPL-2.0
//! The link: what any protocol of this kind sends and hears there.
//!
//! - [`bytes`]: the Internet checksum, and parts put together.
//! - [`mac`]: virtual MAC addresses.
//! - [`ipv4`], [`ipv6`]: their headers, and what addresses follow from others.
//! - [`arp`], [`nd`]: requests for an address, claims to it, and the answer.

pub mod arp;
pub mod bytes;
pub mod ipv4;
pub mod ipv6;
pub mod mac;
pub mod nd;

/// The TTL or hop limit of what stays on a link. A packet that is received with it was not
/// forwarded by any router.
pub const TTL: u8 = 255;
