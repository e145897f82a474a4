// SPDX-License-Identifier: GPL-2.0
//! Neighbour Discovery: what is asked and said, and the answer, byte by byte.

mod common;

use carp_proto_tests::proto::link::ipv6::{
    group_mac, link_local_of, solicited_node, Address, ALL_NODES, ALL_ROUTERS, UNSPECIFIED,
};
use carp_proto_tests::proto::link::nd::{advertisement, parse, Message, FRAME_LEN, HEAD_LEN};
use common::{internet_checksum, unhex, Rng};

/// 2001:db8::1:2:3
const TARGET: Address = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 1, 0, 2, 0, 3];
const CLIENT: Address = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
const CLIENT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 9];

fn checksum(packet: &[u8]) -> [u8; 2] {
    let mut pseudo = packet[8..40].to_vec();
    pseudo.extend((packet.len() as u32 - 40).to_be_bytes());
    pseudo.extend([0, 0, 0, packet[6]]);
    pseudo.extend(&packet[40..]);
    internet_checksum(&pseudo)
}

/// Makes length and checksum right.
fn fix(packet: &mut [u8]) {
    let len = packet.len() as u16 - 40;
    packet[4..6].copy_from_slice(&len.to_be_bytes());
    packet[42..44].fill(0);
    let sum = checksum(packet);
    packet[42..44].copy_from_slice(&sum);
}

fn message(kind: u8, source: &Address, destination: &Address, options: &str) -> Vec<u8> {
    let mut packet = unhex("60000000000000ff");
    packet[6..8].copy_from_slice(&[58, 255]);
    packet.extend(source);
    packet.extend(destination);
    packet.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
    packet.extend(TARGET);
    packet.extend(unhex(&options.replace(' ', "")));
    fix(&mut packet);
    packet
}

fn solicitation() -> Vec<u8> {
    message(135, &CLIENT, &solicited_node(&TARGET), "0101 020000000009")
}

fn detection() -> Vec<u8> {
    message(135, &UNSPECIFIED, &solicited_node(&TARGET), "")
}

fn said() -> Vec<u8> {
    message(136, &TARGET, &ALL_NODES, "0201 020000000009")
}

/// Who solicits a router, as everything but that has a target.
fn sought(source: &Address, destination: &Address, options: &str) -> Vec<u8> {
    let mut packet = message(133, source, destination, options);
    packet.drain(48..64);
    fix(&mut packet);
    packet
}

fn changed(mut packet: Vec<u8>, change: impl FnOnce(&mut Vec<u8>)) -> Option<Message> {
    change(&mut packet);
    fix(&mut packet);
    parse(&packet)
}

fn asked(source: Address, mac: Option<[u8; 6]>) -> Option<Message> {
    Some(Message::Solicitation {
        source,
        target: TARGET,
        mac,
    })
}

fn told(mac: Option<[u8; 6]>) -> Option<Message> {
    Some(Message::Advertisement {
        target: TARGET,
        mac,
    })
}

#[test]
fn addresses_that_follow_from_others() {
    assert_eq!(
        solicited_node(&TARGET).to_vec(),
        unhex("ff0200000000000000000001ff020003")
    );
    assert_eq!(
        group_mac(&solicited_node(&TARGET)).to_vec(),
        unhex("3333ff020003")
    );
    assert_eq!(group_mac(&ALL_NODES), [0x33, 0x33, 0, 0, 0, 1]);
    // Of the virtual MAC of vhid 175, as NetBSD makes it.
    assert_eq!(
        link_local_of(&[0, 0, 0x5e, 0, 1, 0xaf]).to_vec(),
        unhex("fe8000000000000002005efffe0001af")
    );
    // A MAC address that somebody has chosen has the bit set that is clear in one of a vendor.
    for (first, in_address) in [(0x02, 0x00), (0x06, 0x04), (0xfe, 0xfc), (0xfc, 0xfe)] {
        let address = link_local_of(&[first, 1, 2, 3, 4, 5]);
        let mut expected = [
            0xfe, 0x80, 0, 0, 0, 0, 0, 0, in_address, 1, 2, 0xff, 0xfe, 3, 4, 5,
        ];
        assert_eq!(address, expected);
        expected[8] = first;
        assert_ne!(address, expected);
    }
}

#[test]
fn what_is_asked_and_said() {
    assert_eq!(parse(&solicitation()), asked(CLIENT, Some(CLIENT_MAC)));
    assert_eq!(parse(&detection()), asked(UNSPECIFIED, None));
    assert_eq!(parse(&said()), told(Some(CLIENT_MAC)));
    let without = message(135, &CLIENT, &TARGET, "");
    assert_eq!(parse(&without), asked(CLIENT, None));
    let without = message(136, &TARGET, &CLIENT, "");
    assert_eq!(parse(&without), told(None));
    // A nonce before and an unknown option behind it; that of the other kind does not count.
    let nonce = "0e01 010203040506";
    let many = format!(
        "{nonce} 0201 0200000000aa 0101 020000000009 ff02 {}",
        "00".repeat(14)
    );
    let many = message(135, &CLIENT, &solicited_node(&TARGET), &many);
    assert_eq!(parse(&many), asked(CLIENT, Some(CLIENT_MAC)));
    let with_nonce = message(135, &UNSPECIFIED, &solicited_node(&TARGET), nonce);
    assert_eq!(parse(&with_nonce), asked(UNSPECIFIED, None));

    for (source, options) in [
        (CLIENT, "0101 020000000009"),
        (CLIENT, ""),
        (UNSPECIFIED, ""),
    ] {
        let packet = sought(&source, &ALL_ROUTERS, options);
        assert_eq!(parse(&packet), Some(Message::RouterSolicitation));
    }

    // Padding does not belong to it.
    let mut padded = detection();
    padded.extend([0xa5; 20]);
    assert_eq!(parse(&padded), asked(UNSPECIFIED, None));
}

#[test]
fn what_is_ignored_of_each_kind() {
    let seeker = sought(&CLIENT, &ALL_ROUTERS, "0101 020000000009");
    for packet in [solicitation(), detection(), said(), seeker] {
        assert!(changed(packet.clone(), |_| ()).is_some());
        for len in 0..packet.len() {
            assert_eq!(parse(&packet[..len]), None, "cut to {len}");
        }
        for hop_limit in 0..255 {
            assert_eq!(
                changed(packet.clone(), |packet| packet[7] = hop_limit),
                None
            );
        }
        for code in 1..=255 {
            assert_eq!(changed(packet.clone(), |packet| packet[41] = code), None);
        }
        for kind in (0..=255).filter(|kind| ![133, 135, 136].contains(kind)) {
            assert_eq!(changed(packet.clone(), |packet| packet[40] = kind), None);
        }
        for bit in 0..packet.len() * 8 {
            let mut flipped = packet.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            // Traffic class and flow label are nobody's business.
            let is_covered = !(4..32).contains(&(bit / 8 * 8 + 7 - bit % 8));
            assert_eq!(parse(&flipped).is_none(), is_covered, "bit {bit}");
        }
        if packet[40] != 133 {
            let multicast = |packet: &mut Vec<u8>| packet[48] = 0xff;
            assert_eq!(changed(packet.clone(), multicast), None, "multicast target");
        }
        let multicast = |packet: &mut Vec<u8>| packet[8] = 0xff;
        assert_eq!(changed(packet.clone(), multicast), None, "multicast source");
        for option in ["0100 000000000000", "0102 020000000009", "01", "0101 02"] {
            let bad = changed(packet.clone(), |packet| {
                packet.extend(unhex(&option.replace(' ', "")))
            });
            assert_eq!(bad, None, "{option}");
        }
        let long = "ff20".to_owned() + &"00".repeat(254);
        let long = changed(packet.clone(), |packet| packet.extend(unhex(&long)));
        assert!(long.is_some(), "as long as may be");
    }
}

#[test]
fn what_is_ignored_by_its_addresses() {
    let with_mac = message(
        135,
        &UNSPECIFIED,
        &solicited_node(&TARGET),
        "0101 020000000009",
    );
    assert_eq!(parse(&with_mac), None, "from nobody, with a MAC address");
    let with_mac = sought(&UNSPECIFIED, &ALL_ROUTERS, "0101 020000000009");
    assert_eq!(
        parse(&with_mac),
        None,
        "router sought by nobody at a MAC address"
    );
    let elsewhere = sought(&CLIENT, &ALL_NODES, "");
    assert_eq!(parse(&elsewhere), None, "router sought, not of all routers");
    let elsewhere = message(135, &UNSPECIFIED, &TARGET, "");
    assert_eq!(parse(&elsewhere), None, "from nobody, not to the group");
    let answer = changed(said(), |packet| packet[44] = 0x40);
    assert_eq!(answer, None, "an answer to a group");
}

#[test]
fn answers_byte_by_byte() {
    let expected = |mac: &str, to: &str, flags: &str| {
        let mut frame = unhex(
            &[
                mac,
                "00005e0001af 86dd 60000000 0020 3a ff",
                "20010db8000000000000000100020003",
                to,
                "88 00 0000",
                flags,
                "000000 20010db8000000000000000100020003 02 01 00005e0001af",
            ]
            .concat()
            .replace(' ', ""),
        );
        assert_eq!(frame.len(), FRAME_LEN);
        let sum = checksum(&frame[14..]);
        frame[56..58].copy_from_slice(&sum);
        frame
    };
    let client = "fe800000000000000000000000000009";
    let everybody = "ff020000000000000000000000000001";
    let to_client = Some((&CLIENT_MAC, &CLIENT));
    for (made, right) in [
        (
            advertisement(175, &TARGET, to_client, false),
            expected("020000000009", client, "60"),
        ),
        (
            advertisement(175, &TARGET, to_client, true),
            expected("020000000009", client, "e0"),
        ),
        (
            advertisement(175, &TARGET, None, false),
            expected("333300000001", everybody, "20"),
        ),
        (
            advertisement(175, &TARGET, None, true),
            expected("333300000001", everybody, "a0"),
        ),
    ] {
        assert_eq!(made.to_vec(), right);
        let virtual_mac = Some([0, 0, 0x5e, 0, 1, 175]);
        assert_eq!(parse(&made[14..]), told(virtual_mac), "it is understood");
    }
}

#[test]
fn no_bytes_are_a_panic() {
    let mut rng = Rng::new(5);
    let mut accepted = 0;
    for round in 0..200_000u32 {
        let len = rng.below(HEAD_LEN as u64 + 1) as usize;
        let mut bytes: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
        if round % 2 == 0 && bytes.len() >= 80 {
            bytes[..72].copy_from_slice(&solicitation()[..72]);
            for _ in 0..rng.below(3) {
                let at = rng.below(72) as usize;
                bytes[at] = rng.byte();
            }
            bytes.truncate(64 + rng.below(3) as usize * 8);
            fix(&mut bytes);
        }
        accepted += u32::from(parse(&bytes).is_some());
    }
    assert!(accepted > 10_000, "{accepted}: the generator is blunt");
}
