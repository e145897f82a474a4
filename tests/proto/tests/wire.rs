// SPDX-License-Identifier: GPL-2.0
//! Frames: what is sent, byte by byte; and that nothing else is accepted.

mod common;

use carp_proto_tests::proto::carp::advert::{Advert, Reject, Source, ADVERT_LEN};
use carp_proto_tests::proto::carp::auth::Form;
use carp_proto_tests::proto::carp::envelope::{
    frame_v4, parse_ipv4, FRAME_V4_LEN, GROUP_MAC_V4, HEAD_LEN,
};
use carp_proto_tests::proto::link::bytes::sum;
use carp_proto_tests::proto::link::mac::{vhid_of_mac, virtual_mac};
use common::{advert, any_advert, any_digest, internet_checksum, unhex, Rng};

const SOURCE: [u8; 4] = [192, 0, 2, 101];
const ETHERNET: usize = 14;
const IPV4: usize = 20;

fn packet() -> Vec<u8> {
    frame_v4(SOURCE, 0x1234, &advert())[ETHERNET..].to_vec()
}

/// Makes both checksums right again.
fn fix(packet: &mut [u8]) {
    let header_len = usize::from(packet[0] & 0x0f) * 4;
    packet[10..12].fill(0);
    let sum = internet_checksum(&packet[..header_len]);
    packet[10..12].copy_from_slice(&sum);
    let carp = &mut packet[header_len..];
    if let Some(advert) = carp.get_mut(..ADVERT_LEN) {
        advert[6..8].fill(0);
        let sum = internet_checksum(advert);
        advert[6..8].copy_from_slice(&sum);
    }
}

/// The packet after `change` and with right checksums.
fn parse_changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<Option<(Source, Advert)>, Reject> {
    let mut packet = packet();
    change(&mut packet);
    fix(&mut packet);
    parse_ipv4(&packet)
}

#[test]
fn a_frame_byte_by_byte() {
    let expected = [
        "01005e000012 00005e000101 0800",
        "45 10 0038 1234 4000 ff 70 86a6 c0000265 e0000012",
        "21 01 64 07 02 01 0000 0123456789abcdef",
    ];
    let mut expected = unhex(&expected.concat().replace(' ', ""));
    expected.extend(any_digest().sign(0x0123_4567_89ab_cdef, Form::default()));
    let ip_sum = internet_checksum(&{
        let mut header = expected[14..34].to_vec();
        header[10..12].fill(0);
        header
    });
    expected[24..26].copy_from_slice(&ip_sum);
    let carp_sum = internet_checksum(&expected[34..]);
    expected[40..42].copy_from_slice(&carp_sum);
    assert_eq!(expected.len(), FRAME_V4_LEN);

    // Over a filled buffer, so that a byte that is not written shows.
    let mut sent = [0xa5; FRAME_V4_LEN];
    sent.copy_from_slice(&frame_v4(SOURCE, 0x1234, &advert()));
    assert_eq!(sent.to_vec(), expected);
}

#[test]
fn what_is_sent_is_understood() {
    let mut rng = Rng::new(2);
    for _ in 0..2_000 {
        let advert = any_advert(&mut rng);
        assert_eq!(Advert::parse(&advert.emit()), Ok(advert));

        let (source, id) = (rng.bytes(), rng.next() as u16);
        let frame = frame_v4(source, id, &advert);
        assert_eq!(frame[..6], GROUP_MAC_V4);
        assert_eq!(frame[6..12], virtual_mac(advert.vhid));
        let understood = Ok(Some((Source::V4(source), advert)));
        assert_eq!(parse_ipv4(&frame[ETHERNET..]), understood);

        // Padding, and what lies behind the place of the cut.
        let mut longer = frame[ETHERNET..].to_vec();
        longer.resize(HEAD_LEN, 0xa5);
        assert_eq!(parse_ipv4(&longer), understood);
    }
}

#[test]
fn virtual_macs() {
    assert_eq!(virtual_mac(175), [0, 0, 0x5e, 0, 1, 175]);
    assert_eq!(vhid_of_mac(&[0, 0, 0x5e, 0, 1, 0]), None);
    for vhid in 1..=255 {
        let mac = virtual_mac(vhid);
        assert_eq!(vhid_of_mac(&mac), Some(vhid));
        for byte in 0..5 {
            for bit in 0..8 {
                let mut other = mac;
                other[byte] ^= 1 << bit;
                assert_eq!(vhid_of_mac(&other), None);
            }
        }
    }
}

#[test]
fn not_for_us() {
    let not_for_us = Ok(None);
    assert_eq!(parse_changed(|packet| packet[9] = 17), not_for_us);
    assert_eq!(parse_changed(|packet| packet[19] = 19), not_for_us);
    let mut version_6 = packet();
    version_6[0] = 0x65;
    assert_eq!(parse_ipv4(&version_6), not_for_us);
    for len in 0..IPV4 {
        assert_eq!(parse_ipv4(&packet()[..len]), not_for_us);
    }
}

#[test]
fn each_reject() {
    assert!(matches!(parse_changed(|_| ()), Ok(Some(_))));

    let total_len =
        |len: u16| parse_changed(|packet| packet[2..4].copy_from_slice(&len.to_be_bytes()));
    for len in [0, 19, 20, 55] {
        assert_eq!(total_len(len), Err(Reject::Length), "datagram too short");
    }
    assert_eq!(total_len(57), Err(Reject::Length), "packet too short");
    assert_eq!(total_len(u16::MAX), Err(Reject::Length));
    for len in IPV4..packet().len() {
        assert_eq!(parse_ipv4(&packet()[..len]), Err(Reject::Length));
    }
    for ihl in 0x40..0x45 {
        let mut packet = packet();
        packet[0] = ihl;
        assert_eq!(parse_ipv4(&packet), Err(Reject::Length), "header");
    }
    for fragment in [[0x20, 0], [0, 1], [0x1f, 0xff]] {
        let fragmented = parse_changed(|packet| packet[6..8].copy_from_slice(&fragment));
        assert_eq!(fragmented, Err(Reject::Length), "fragment");
    }

    for ttl in 0..255 {
        assert_eq!(parse_changed(|packet| packet[8] = ttl), Err(Reject::Ttl));
    }

    for version_type in 0..=255 {
        let parsed = parse_changed(|packet| packet[IPV4] = version_type);
        match version_type {
            0x21 => assert!(parsed.is_ok()),
            _ => assert_eq!(parsed, Err(Reject::Version), "{version_type:#x}"),
        }
    }

    for byte in [10, 11, IPV4 + 6, IPV4 + 7] {
        let mut packet = packet();
        packet[byte] ^= 0x40;
        assert_eq!(parse_ipv4(&packet), Err(Reject::Checksum));
    }
}

/// VRRP has the same protocol number and group. Version 3 is named for what it is, though it is
/// shorter; version 2 with one address looks like CARP, but is too short.
#[test]
fn vrrp_is_not_carp() {
    let vrrp = |payload: &[u8]| {
        parse_changed(|packet| {
            packet.truncate(IPV4);
            packet.extend_from_slice(payload);
            packet[3] = packet.len() as u8;
        })
    };
    let version_3 = unhex("31016401006400000a000001");
    assert_eq!(vrrp(&version_3), Err(Reject::Version));
    let version_2 = unhex("21016401000100000a0000010000000000000000");
    assert_eq!(vrrp(&version_2), Err(Reject::Length));
}

#[test]
fn ip_options_and_trailing_bytes_are_tolerated() {
    let mut with_options = packet();
    with_options.splice(20..20, [1; 40]);
    with_options[0] = 0x4f;
    with_options[3] = with_options.len() as u8;
    fix(&mut with_options);
    let understood = Ok(Some((Source::V4(SOURCE), advert())));
    assert_eq!(parse_ipv4(&with_options), understood);
    assert_eq!(parse_ipv4(&with_options[..95]), Err(Reject::Length));

    let trailing = parse_changed(|packet| {
        packet.extend([0x5a; 7]);
        packet[3] += 7;
    });
    assert_eq!(trailing, understood);

    let cut = parse_changed(|packet| {
        packet.resize(HEAD_LEN, 0x5a);
        packet[2..4].copy_from_slice(&1500u16.to_be_bytes());
    });
    assert_eq!(cut, understood, "cut at HEAD_LEN");
}

/// The padding of a short frame is no part of the datagram.
#[test]
fn no_advert_is_read_from_the_padding() {
    let parsed = parse_changed(|packet| packet[3] = 20);
    assert_eq!(parsed, Err(Reject::Length));
}

/// A flipped bit is noticed by a checksum, or makes the packet somebody else's.
#[test]
fn no_single_flipped_bit_is_accepted() {
    let packet = packet();
    for bit in 0..packet.len() * 8 {
        let mut flipped = packet.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let parsed = parse_ipv4(&flipped);
        assert!(!matches!(parsed, Ok(Some(_))), "bit {bit}: {parsed:?}");
    }
}

/// Whoever can also mend the checksums can change these fields of the advert, and no others:
/// RFC 1071, with a last odd byte as the high one of a word, and what was summed up before.
#[test]
fn sums() {
    let mut rng = Rng::new(4);
    for len in 0..=64 {
        let bytes: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
        assert_eq!(
            (!sum(0, &bytes)).to_be_bytes(),
            internet_checksum(&bytes),
            "{len}"
        );
        let even = (len / 2) & !1;
        let (first, rest) = bytes.split_at(even);
        assert_eq!(sum(sum(0, first), rest), sum(0, &bytes), "{len}");
    }
    assert_eq!(sum(0, &[0x12]), 0x1200);
    assert_eq!(sum(0xffff, &[0x00, 0x01]), 1);
    assert_eq!(sum(0, &[0x12, 0x34, 0xf0]), 0x0235);
}

/// advskew, authlen, demotion and advbase are not covered by the digest of CARP version 2. In the
/// IPv4 header it is everything that a router may change too, and the source.
#[test]
fn what_the_digest_does_not_cover() {
    let digest = any_digest();
    let mut uncovered = Vec::new();
    let packet = packet();
    for byte in 0..packet.len() {
        for bit in 0..8 {
            let mut changed = packet.clone();
            changed[byte] ^= 1 << bit;
            if changed[0] != 0x45 {
                continue;
            }
            fix(&mut changed);
            if changed == packet {
                continue;
            }
            if let Ok(Some((_, advert))) = parse_ipv4(&changed) {
                if advert.vhid == 1
                    && digest
                        .verify(advert.counter, &advert.digest, Form::default())
                        .is_some()
                {
                    uncovered.push(byte);
                }
            }
        }
    }
    uncovered.dedup();
    let ipv4 = [1, 4, 5, 6, 12, 13, 14, 15];
    let carp = [2, 3, 4, 5].map(|byte| IPV4 + byte);
    assert_eq!(uncovered, [&ipv4[..], &carp[..]].concat());
}

#[test]
fn no_bytes_are_a_panic() {
    let mut rng = Rng::new(3);
    let mut accepted = 0;
    for round in 0..200_000u32 {
        let len = rng.below(HEAD_LEN as u64 + 1) as usize;
        let mut bytes: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
        // Half of them get past the first checks.
        if round % 2 == 0 && bytes.len() >= 61 {
            bytes[..packet().len()].copy_from_slice(&packet());
            for _ in 0..rng.below(4) {
                let at = rng.below(60) as usize;
                bytes[at] = rng.byte();
            }
            if bytes[0] & 0x0f >= 5 {
                fix(&mut bytes);
            }
        }
        accepted += u32::from(matches!(parse_ipv4(&bytes), Ok(Some(_))));
        let _ = Advert::parse(&bytes);
    }
    assert!(accepted > 10_000, "{accepted}: the generator is blunt");
}
