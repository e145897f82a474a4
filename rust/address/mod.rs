// SPDX-License-Identifier: GPL-2.0
//! Who owns the virtual addresses: what the host says about them by ARP, and from which MAC
//! address it speaks for them.

pub(crate) mod arp;
