// SPDX-License-Identifier: GPL-2.0
//! What several tests need. Each includes this file for itself and uses a part of it.
#![allow(dead_code)]

pub mod foreign;
pub mod node;
pub mod world;

pub use carp_proto_tests::proto::carp::advert::{Advert, Source};
use carp_proto_tests::proto::carp::auth::{Digest, Form, Hmac};
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::config::KEY_LEN;

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1_000 * MS;

/// HMAC-SHA1 in place of the kernel's.
#[derive(Clone)]
pub struct HmacSha1 {
    key: [u8; KEY_LEN],
    message: Vec<u8>,
}

impl HmacSha1 {
    /// Keyed with a pass phrase as every `ifconfig` does it: 19 bytes count, the rest is zero.
    pub fn with_pass(pass: &str) -> Self {
        let mut key = [0; KEY_LEN];
        for (to, from) in key.iter_mut().take(KEY_LEN - 1).zip(pass.bytes()) {
            *to = from;
        }
        Self {
            key,
            message: Vec::new(),
        }
    }
}

impl Hmac for HmacSha1 {
    fn update(&mut self, data: &[u8]) {
        self.message.extend_from_slice(data);
    }

    fn finish(self) -> [u8; 20] {
        hmac_sha1_compact::HMAC::mac(&self.message, &self.key)
    }
}

/// A digest for tests that need just one.
pub fn any_digest() -> Digest<HmacSha1> {
    Digest::new(
        HmacSha1::with_pass("mekmitasdigoat"),
        1,
        &mut [[192, 0, 2, 1]],
        &mut [],
    )
}

/// xorshift64*: the same numbers for the same seed, everywhere.
pub struct Rng(u64);

impl Rng {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// 0..bound.
    pub fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 16) % bound
    }

    pub fn byte(&mut self) -> u8 {
        (self.next() >> 32) as u8
    }

    pub fn bytes<const LEN: usize>(&mut self) -> [u8; LEN] {
        std::array::from_fn(|_| self.byte())
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

pub fn any_advert(rng: &mut Rng) -> Advert {
    Advert {
        vhid: rng.byte(),
        advskew: rng.byte(),
        demote: rng.byte(),
        advbase: rng.byte(),
        counter: rng.next(),
        digest: rng.bytes(),
    }
}

pub fn v4(last: u8) -> Source {
    Source::V4([192, 0, 2, last])
}

pub fn v6(last: u8) -> Source {
    let mut address = [0; 16];
    address[0] = 0xfe;
    address[1] = 0x80;
    address[15] = last;
    Source::V6(address)
}

/// vhid 1 with this priority.
pub fn config(advbase: u8, advskew: u8) -> Config {
    Config {
        advbase,
        advskew,
        ..Config::new(1)
    }
}

pub fn unhex(hex: &str) -> Vec<u8> {
    hex.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// An advert with something in every field.
pub fn advert() -> Advert {
    Advert {
        vhid: 1,
        advskew: 100,
        demote: 2,
        advbase: 1,
        counter: 0x0123_4567_89ab_cdef,
        digest: any_digest().sign(0x0123_4567_89ab_cdef, Form::default()),
    }
}

/// The Internet checksum, written anew rather than borrowed from the code under test.
pub fn internet_checksum(bytes: &[u8]) -> [u8; 2] {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|word| (u32::from(word[0]) << 8) | word.get(1).map_or(0, |&low| u32::from(low)))
        .sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    (!(sum as u16)).to_be_bytes()
}
