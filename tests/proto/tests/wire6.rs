// SPDX-License-Identifier: GPL-2.0
//! Frames over IPv6: what is sent, byte by byte; and that nothing else is accepted.

mod common;

use carp_proto_tests::proto::carp::advert::{Advert, Reject, Source};
use carp_proto_tests::proto::carp::envelope::{
    frame_v6, parse_ipv4, parse_ipv6, FRAME_V6_LEN, GROUP_MAC_V6, HEAD_LEN,
};
use carp_proto_tests::proto::link::mac::virtual_mac;
use common::{advert, any_advert, unhex, Rng};

/// fe80::65
const SOURCE: [u8; 16] = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x65];
const ETHERNET: usize = 14;
const IPV6: usize = 40;

fn packet() -> Vec<u8> {
    frame_v6(SOURCE, &advert())[ETHERNET..].to_vec()
}

fn parse_changed(change: impl FnOnce(&mut Vec<u8>)) -> Result<Option<(Source, Advert)>, Reject> {
    let mut packet = packet();
    change(&mut packet);
    parse_ipv6(&packet)
}

fn understood() -> Result<Option<(Source, Advert)>, Reject> {
    Ok(Some((Source::V6(SOURCE), advert())))
}

#[test]
fn a_frame_byte_by_byte() {
    let expected = [
        "333300000012 00005e000101 86dd",
        "60000000 0024 70 ff fe800000000000000000000000000065 ff020000000000000000000000000012",
    ];
    let mut expected = unhex(&expected.concat().replace(' ', ""));
    expected.extend(advert().emit());
    assert_eq!(expected.len(), FRAME_V6_LEN);
    assert_eq!(frame_v6(SOURCE, &advert()).to_vec(), expected);
}

/// The checksum has no pseudo header. NetBSD's has one, and is refused as NetBSD refuses this:
/// vector V5 with its checksum from fe80::1.
#[test]
fn the_checksum_of_netbsd_is_another() {
    let v5 = "21af0007000151f70123456789abcdef773513856f8492d8002608e841f1f9f4153506eb";
    let from_1 = |hex: &str| {
        let mut packet = packet();
        packet[23] = 1;
        packet.truncate(IPV6);
        packet.extend(unhex(hex));
        parse_ipv6(&packet)
    };
    assert!(matches!(
        from_1(v5),
        Ok(Some((_, Advert { vhid: 175, .. })))
    ));
    assert_eq!(from_1(&v5.replace("51f7", "53cc")), Err(Reject::Checksum));
}

#[test]
fn what_is_sent_is_understood() {
    let mut rng = Rng::new(4);
    for _ in 0..2_000 {
        let (source, advert) = (rng.bytes(), any_advert(&mut rng));
        let frame = frame_v6(source, &advert);
        assert_eq!(frame[..6], GROUP_MAC_V6);
        assert_eq!(frame[6..12], virtual_mac(advert.vhid));
        let understood = Ok(Some((Source::V6(source), advert)));
        assert_eq!(parse_ipv6(&frame[ETHERNET..]), understood);

        // Padding, and what lies behind the place of the cut.
        let mut longer = frame[ETHERNET..].to_vec();
        longer.resize(HEAD_LEN, 0xa5);
        assert_eq!(parse_ipv6(&longer), understood);
    }
}

#[test]
fn not_for_us() {
    let not_for_us = Ok(None);
    for next_header in (0..=255).filter(|number| *number != 112) {
        assert_eq!(parse_changed(|packet| packet[6] = next_header), not_for_us);
    }
    assert_eq!(parse_changed(|packet| packet[39] = 0x13), not_for_us);
    assert_eq!(parse_changed(|packet| packet[24] = 0xfe), not_for_us);
    assert_eq!(parse_changed(|packet| packet[0] = 0x45), not_for_us);
    assert_eq!(parse_ipv4(&packet()), not_for_us);
    for len in 0..IPV6 {
        assert_eq!(parse_ipv6(&packet()[..len]), not_for_us);
    }
}

#[test]
fn each_reject() {
    assert_eq!(parse_changed(|_| ()), understood());
    let payload_len =
        |len: u16| parse_changed(|packet| packet[4..6].copy_from_slice(&len.to_be_bytes()));
    for len in [0, 1, 35, 37, u16::MAX] {
        assert_eq!(payload_len(len), Err(Reject::Length), "{len}");
    }
    for len in IPV6..packet().len() {
        assert_eq!(parse_ipv6(&packet()[..len]), Err(Reject::Length));
    }
    for hop_limit in 0..255 {
        assert_eq!(
            parse_changed(|packet| packet[7] = hop_limit),
            Err(Reject::Ttl)
        );
    }
    for version_type in (0..=255).filter(|byte| *byte != 0x21) {
        let parsed = parse_changed(|packet| packet[IPV6] = version_type);
        assert_eq!(parsed, Err(Reject::Version), "{version_type:#x}");
    }
    for byte in IPV6 + 1..IPV6 + 36 {
        assert_eq!(
            parse_changed(|packet| packet[byte] ^= 0x40),
            Err(Reject::Checksum)
        );
    }
}

#[test]
fn trailing_bytes_are_tolerated() {
    let trailing = parse_changed(|packet| {
        packet.extend([0x5a; 7]);
        packet[5] += 7;
    });
    assert_eq!(trailing, understood());
    let cut = parse_changed(|packet| {
        packet.resize(HEAD_LEN, 0x5a);
        packet[4..6].copy_from_slice(&1400u16.to_be_bytes());
    });
    assert_eq!(cut, understood(), "cut at HEAD_LEN");
}

#[test]
fn no_bytes_are_a_panic() {
    let mut rng = Rng::new(6);
    let mut accepted = 0;
    for round in 0..200_000u32 {
        let len = rng.below(HEAD_LEN as u64 + 1) as usize;
        let mut bytes: Vec<u8> = (0..len).map(|_| rng.byte()).collect();
        if round % 2 == 0 && bytes.len() >= packet().len() {
            bytes[..packet().len()].copy_from_slice(&packet());
            for _ in 0..rng.below(3) {
                let at = rng.below(76) as usize;
                bytes[at] = rng.byte();
            }
        }
        accepted += u32::from(matches!(parse_ipv6(&bytes), Ok(Some(_))));
    }
    assert!(accepted > 10_000, "{accepted}: the generator is blunt");
}
