// SPDX-License-Identifier: GPL-2.0
//! Virtual MAC addresses. VRRP has the same for IPv4.

/// The virtual MAC address of `vhid`, for both address families.
pub const fn virtual_mac(vhid: u8) -> [u8; 6] {
    [0x00, 0x00, 0x5e, 0x00, 0x01, vhid]
}

/// It is that of several hosts, or of all.
pub const fn is_group(mac: &[u8; 6]) -> bool {
    mac[0] & 1 != 0
}

/// The vhid whose virtual MAC address `mac` is, if it is one.
pub const fn vhid_of_mac(mac: &[u8; 6]) -> Option<u8> {
    match *mac {
        [0x00, 0x00, 0x5e, 0x00, 0x01, vhid] if vhid != 0 => Some(vhid),
        _ => None,
    }
}
