// SPDX-License-Identifier: GPL-2.0
//! ARP packets as they are read.

mod common;

use carp_proto_tests::proto::link::arp::{Arp, LEN, SENDER_IP_OFFSET};
use common::{unhex, Rng};

/// 192.0.2.10 at 02:00:00:00:00:0a asks for 192.0.2.1.
fn request() -> Vec<u8> {
    unhex("000108000604000102000000000ac000020a000000000000c0000201")
}

#[test]
fn a_request_and_a_reply_are_read() {
    let arp = Arp {
        is_request: true,
        sender_mac: [2, 0, 0, 0, 0, 10],
        sender_ip: [192, 0, 2, 10],
        target_ip: [192, 0, 2, 1],
    };
    assert_eq!(Arp::read(&request()), Some(arp));
    let at = usize::try_from(SENDER_IP_OFFSET).unwrap();
    assert_eq!(request()[at..at + 4], arp.sender_ip);
    // IEEE 802, padded.
    let mut packet = request();
    packet[1] = 6;
    packet.extend([0; 18]);
    assert_eq!(Arp::read(&packet), Some(arp));
    packet[7] = 2;
    let is_request = false;
    assert_eq!(Arp::read(&packet), Some(Arp { is_request, ..arp }));
}

#[test]
fn what_is_cut_or_of_another_kind_is_not() {
    for len in 0..LEN {
        assert_eq!(Arp::read(&request()[..len]), None, "{len} bytes");
    }
    // Hardware and protocol type, and the lengths of their addresses.
    for at in 0..6 {
        for bit in 0..8 {
            let mut packet = request();
            packet[at] ^= 1 << bit;
            let is_ieee = packet[..2] == [0, 6];
            assert_eq!(Arp::read(&packet).is_some(), is_ieee, "bit {bit} of {at}");
        }
    }
}

#[test]
fn any_bytes_may_come() {
    let mut rng = Rng::new(0xa4b);
    for _ in 0..100_000 {
        let mut bytes = [0; 32];
        for byte in &mut bytes {
            *byte = rng.next() as u8;
        }
        bytes[..6].copy_from_slice(&[0, 1, 8, 0, 6, 4]);
        let arp = Arp::read(&bytes).expect("Ethernet and IPv4");
        assert_eq!(arp.is_request, bytes[6..8] == [0, 1]);
        assert_eq!(arp.sender_mac, bytes[8..14]);
        assert_eq!(arp.target_ip, bytes[24..28]);
    }
}
