// SPDX-License-Identifier: GPL-2.0
//! ARP for IPv4 on Ethernet (RFC 826).

use super::ipv4::Address;

/// Length of a packet.
pub const LEN: usize = 28;
/// Where the sender's protocol address is.
pub const SENDER_IP_OFFSET: i32 = 14;

/// Hardware type Ethernet or IEEE 802, which Linux takes for the same, protocol type IPv4, and the
/// lengths of their addresses.
const ETHERNET_IPV4: [[u8; 6]; 2] = [[0, 1, 8, 0, 6, 4], [0, 6, 8, 0, 6, 4]];
/// The operation of a request.
const REQUEST: [u8; 2] = [0, 1];

/// The fields of a packet that matter here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Arp {
    /// It is a request; else a reply, or an operation that Linux ignores.
    pub is_request: bool,
    /// The MAC address that the sender claims.
    pub sender_mac: [u8; 6],
    /// The address that the sender claims; 0.0.0.0: none yet.
    pub sender_ip: Address,
    /// The address that the packet is about.
    pub target_ip: Address,
}

impl Arp {
    /// `None`: too short, or not for IPv4 on Ethernet.
    pub fn read(packet: &[u8]) -> Option<Self> {
        let bytes: &[u8; LEN] = packet.first_chunk()?;
        let (head, rest) = bytes.split_first_chunk::<6>()?;
        let (operation, rest) = rest.split_first_chunk::<2>()?;
        let (sender_mac, rest) = rest.split_first_chunk()?;
        let (sender_ip, rest) = rest.split_first_chunk()?;
        let (_target_mac, target_ip) = rest.split_first_chunk::<6>()?;
        ETHERNET_IPV4.contains(head).then_some(Self {
            is_request: *operation == REQUEST,
            sender_mac: *sender_mac,
            sender_ip: *sender_ip,
            target_ip: *target_ip.first_chunk()?,
        })
    }
}
