// SPDX-License-Identifier: GPL-2.0
//! What the digest covers: that the right addresses go into it, in the right order.

mod common;

use std::cell::RefCell;
use std::rc::Rc;

use carp_proto_tests::proto::carp::auth::{Digest, Form, Hmac};
use common::{HmacSha1, Rng};

const FORM: Form = Form::WithoutLinkLocal;

/// A "hash" that hands out what it was fed.
#[derive(Clone)]
struct Recorder {
    fed: Vec<u8>,
    message: Rc<RefCell<Vec<u8>>>,
}

impl Hmac for Recorder {
    fn update(&mut self, data: &[u8]) {
        self.fed.extend_from_slice(data);
    }

    fn finish(self) -> [u8; 20] {
        self.message.replace(self.fed);
        [0; 20]
    }
}

/// All that goes into the digest that is sent.
fn message(vhid: u8, v4: &mut [[u8; 4]], v6: &mut [[u8; 16]], counter: u64) -> Vec<u8> {
    let message = Rc::default();
    let recorder = Recorder {
        fed: Vec::new(),
        message: Rc::clone(&message),
    };
    Digest::new(recorder, vhid, v4, v6).sign(counter, Form::default());
    message.take()
}

fn v6(first: u8, last: u8) -> [u8; 16] {
    let mut address = [0; 16];
    address[0] = first;
    address[15] = last;
    address
}

#[test]
fn message_of_vector_1() {
    let got = message(1, &mut [[192, 0, 2, 1]], &mut [], 0x0123_4567_89ab_cdef);
    assert_eq!(got, common::unhex("020101c00002010123456789abcdef"));
}

#[test]
fn sorted_each_once_without_unspecified_and_broadcast() {
    let mut v4 = [
        [192, 0, 2, 10],
        [255; 4],
        [10, 0, 0, 1],
        [0; 4],
        [192, 0, 2, 10],
        [9, 255, 0, 0],
        [10, 0, 0, 1],
    ];
    let mut v6 = [[0xff; 16], v6(0x20, 2), v6(0, 0), v6(0x20, 1), v6(0x20, 2)];
    let mut expected = vec![2, 1, 7];
    expected.extend([9, 255, 0, 0, 10, 0, 0, 1, 192, 0, 2, 10]);
    expected.extend([0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    expected.extend([0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    expected.extend([0, 0, 0, 0, 0, 0, 1, 2]);
    assert_eq!(message(7, &mut v4, &mut v6, 0x0102), expected);
}

#[test]
fn link_local_is_fe80_slash_10() {
    for (first, second, skipped) in [
        (0xfe, 0x80, true),
        (0xfe, 0xbf, true),
        (0xfe, 0x7f, false),
        (0xfe, 0xc0, false),
        (0xff, 0x80, false),
        (0xfd, 0x80, false),
    ] {
        let mut address = v6(first, 1);
        address[1] = second;
        let len = message(1, &mut [], &mut [address], 0x0101_0101_0101_0101).len();
        assert_eq!(len == 3 + 8, skipped, "{first:x}{second:x}");
    }
}

#[test]
fn the_order_of_the_lists_does_not_matter() {
    let mut rng = Rng::new(1);
    for round in 0..300 {
        // From a small domain, so that there are duplicates.
        let mut v4: Vec<[u8; 4]> = (0..round % 20)
            .map(|_| [10, rng.byte() & 1, 255, rng.byte() & 7])
            .collect();
        let mut v6: Vec<[u8; 16]> = (0..round % 7).map(|_| v6(0x20, rng.byte() & 3)).collect();
        let mut sorted = v4.clone();
        sorted.sort();
        let mac = HmacSha1::with_pass("any");
        let digest = Digest::new(mac.clone(), 3, &mut v4, &mut v6).sign(1, FORM);
        assert_eq!(v4, sorted);

        for _ in 0..4 {
            for at in (1..v4.len()).rev() {
                v4.swap(at, rng.below(at as u64 + 1) as usize);
            }
            for at in (1..v6.len()).rev() {
                v6.swap(at, rng.below(at as u64 + 1) as usize);
            }
            let again = Digest::new(mac.clone(), 3, &mut v4, &mut v6);
            assert_eq!(again.sign(1, FORM), digest);
            assert_eq!(again.verify(1, &digest, FORM), Some(FORM));
        }
    }
}

/// All lists of few addresses, and long ones in every order that sorting could find hard.
#[test]
fn lists_are_sorted() {
    let check = |mut list: Vec<[u8; 4]>| {
        let mut sorted = list.clone();
        sorted.sort();
        Digest::new(HmacSha1::with_pass("any"), 1, &mut list, &mut []);
        assert_eq!(list, sorted);
    };
    for len in 0..=6u32 {
        for number in 0..len.max(1).pow(len) {
            check(
                (0..len)
                    .map(|at| [0, 0, 0, (number / len.pow(at) % len) as u8])
                    .collect(),
            );
        }
    }
    let mut rng = common::Rng::new(3);
    for len in [7u32, 8, 9, 255, 256, 1_000, 1_024] {
        check((0..len).map(u32::to_be_bytes).collect());
        check((0..len).rev().map(u32::to_be_bytes).collect());
        check((0..len).map(|at| (at % 7).to_be_bytes()).collect());
        for _ in 0..10 {
            check((0..len).map(|_| rng.bytes()).collect());
        }
    }
}

/// The time that it takes is not that of all pairs: of so many it would be minutes.
#[test]
fn a_long_list_is_sorted_soon() {
    let list = |len: u32| -> Vec<[u8; 16]> {
        (0..len)
            .rev()
            .map(|at| u128::from(at).to_be_bytes())
            .collect()
    };
    let mut long = list(1 << 20);
    Digest::new(HmacSha1::with_pass("any"), 1, &mut [], &mut long);
    long.reverse();
    assert_eq!(long, list(1 << 20));
}

#[test]
fn every_covered_bit_counts() {
    let digest = common::any_digest();
    let right = digest.sign(77, FORM);
    for byte in 0..20 {
        for bit in 0..8 {
            let mut wrong = right;
            wrong[byte] ^= 1 << bit;
            assert_eq!(digest.verify(77, &wrong, FORM), None);
            // Nor do two differences cancel out.
            wrong[(byte + 1) % 20] ^= 1 << bit;
            assert_eq!(digest.verify(77, &wrong, FORM), None);
        }
    }
    for bit in 0..64 {
        assert_eq!(digest.verify(77 ^ (1 << bit), &right, FORM), None);
    }
    let mac = HmacSha1::with_pass("mekmitasdigoat");
    let other = |mac: &HmacSha1, vhid, v4: [u8; 4]| {
        Digest::new(mac.clone(), vhid, &mut [v4], &mut [])
            .verify(77, &right, FORM)
            .is_some()
    };
    assert!(other(&mac, 1, [192, 0, 2, 1]));
    assert!(!other(&mac, 2, [192, 0, 2, 1]));
    assert!(!other(&mac, 1, [192, 0, 2, 2]));
    let wrong_key = HmacSha1::with_pass("mekmitasdigoaT");
    assert!(!other(&wrong_key, 1, [192, 0, 2, 1]));
}
