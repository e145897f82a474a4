// SPDX-License-Identifier: GPL-2.0
//! Golden vectors, both ways: what these inputs make is these bytes, and these bytes are read as
//! these inputs. Computed with Python's hmac from the rules of the BSDs; V1, V3 and V4 also by
//! ucarp's own code.

mod common;

use carp_proto_tests::proto::carp::advert::Advert;
use carp_proto_tests::proto::carp::auth::{Digest, Form};
use common::{unhex, HmacSha1};

const WITHOUT: Form = Form::WithoutLinkLocal;
const COUNTER: u64 = 0x0123_4567_89ab_cdef;

struct Vector {
    name: &'static str,
    pass: &'static str,
    vhid: u8,
    v4: &'static [[u8; 4]],
    v6: &'static [[u8; 16]],
    advbase: u8,
    advskew: u8,
    hex: &'static str,
}

const GLOBAL: [u8; 16] = [0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
const LINK_LOCAL: [u8; 16] = [
    0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0x02, 0, 0x5e, 0xff, 0xfe, 0, 1, 0xaf,
];

const V1: Vector = Vector {
    name: "V1",
    pass: "mekmitasdigoat",
    vhid: 1,
    v4: &[[192, 0, 2, 1]],
    v6: &[],
    advbase: 1,
    advskew: 0,
    hex: "21010007000104310123456789abcdef804538a172de9d658c695edfe8729c0371ca91eb",
};
const V5: Vector = Vector {
    name: "V5",
    pass: "s3cret",
    vhid: 175,
    v4: &[],
    v6: &[GLOBAL],
    advbase: 1,
    advskew: 0,
    hex: "21af0007000151f70123456789abcdef773513856f8492d8002608e841f1f9f4153506eb",
};

/// What this implementation sends and accepts.
const SENT: &[Vector] = &[
    V1,
    Vector {
        name: "V2",
        v4: &[[192, 0, 2, 10], [10, 0, 0, 1]],
        advskew: 100,
        hex: "21016407000143050123456789abcdef296a9c51ee9743301665da63cb35498075652763",
        ..V1
    },
    Vector {
        name: "V3",
        pass: "",
        vhid: 255,
        hex: "21ff0007000124c80123456789abcdef33364fa968a30ab027d7d049ec43515e42f6ac1e",
        ..V1
    },
    Vector {
        name: "V4",
        pass: "12345678901234567890",
        vhid: 7,
        hex: "21070007000188910123456789abcdefd4fc2d520ce00cc0dfeacaf1a499c5c277101001",
        ..V1
    },
    V5,
    Vector {
        name: "V7",
        v4: &[[192, 0, 2, 1]],
        v6: &[LINK_LOCAL, GLOBAL],
        hex: "21af0007000134050123456789abcdef6a22f12cf0507d6a609f9cbb20c6caa9f87261d5",
        ..V5
    },
    Vector {
        name: "V9",
        advbase: 255,
        advskew: 255,
        hex: "2101ff0700ff04320123456789abcdef804538a172de9d658c695edfe8729c0371ca91eb",
        ..V1
    },
];

/// Accepted, and sent to a peer that does the same: the link-local address is in the digest.
const V6: Vector = Vector {
    name: "V6",
    v4: &[[192, 0, 2, 1]],
    v6: &[GLOBAL, LINK_LOCAL],
    hex: "21af00070001ca190123456789abcdef8a17ba9fcb852d188d6d8efbc7bb8ca80181c665",
    ..V5
};

/// Neither: OpenBSD with a custom lladdr, which only OpenBSD puts into the digest.
const V8: Vector = Vector {
    name: "V8",
    hex: "2101000700016a1e0123456789abcdef1bfe8f044a8fadadd8402856406bd6fe1f66fc0b",
    ..V1
};

impl Vector {
    fn digest(&self) -> Digest<HmacSha1> {
        Digest::new(
            HmacSha1::with_pass(self.pass),
            self.vhid,
            &mut self.v4.to_vec(),
            &mut self.v6.to_vec(),
        )
    }

    fn advert(&self, digest: [u8; 20]) -> Advert {
        Advert {
            vhid: self.vhid,
            advskew: self.advskew,
            demote: 0,
            advbase: self.advbase,
            counter: COUNTER,
            digest,
        }
    }

    /// Parses the bytes, checks all but the digest, and emits them again.
    fn parsed(&self) -> Advert {
        let advert = Advert::parse(&unhex(self.hex)).expect(self.name);
        assert_eq!(advert, self.advert(advert.digest), "{}", self.name);
        assert_eq!(advert.emit().to_vec(), unhex(self.hex), "{}", self.name);
        advert
    }
}

#[test]
fn sent_and_accepted() {
    for vector in SENT {
        let advert = vector.parsed();
        let digest = vector.digest();
        assert!(
            digest.verify(COUNTER, &advert.digest, WITHOUT).is_some(),
            "{} is accepted",
            vector.name
        );
        let made = vector.advert(digest.sign(COUNTER, WITHOUT)).emit();
        assert_eq!(made.to_vec(), unhex(vector.hex), "{} is made", vector.name);
    }
}

#[test]
fn the_other_form() {
    let advert = V6.parsed();
    let with = Form::WithLinkLocal;
    for known in [WITHOUT, with] {
        let found = V6.digest().verify(COUNTER, &advert.digest, known);
        assert_eq!(found, Some(with));
    }
    assert_ne!(V6.digest().sign(COUNTER, WITHOUT), advert.digest);
    let made = V6.advert(V6.digest().sign(COUNTER, with)).emit();
    assert_eq!(made.to_vec(), unhex(V6.hex));
}

/// What the kernels of these systems sent, with an address of each kind; the 36 bytes of an advert
/// over IPv4 and of one over IPv6.
const CAPTURED: [(&str, Form, [&str; 2]); 3] = [
    (
        "OpenBSD 1.372",
        Form::WithoutLinkLocal,
        [
            "210703070001c64d4185602f69ad0f548aafc1b8f071fa66169e75e54ead7c79d4f1970f",
            "210703070001c64d4185602f69ad0f548aafc1b8f071fa66169e75e54ead7c79d4f1970f",
        ],
    ),
    (
        "FreeBSD 13.0",
        Form::WithLinkLocal,
        [
            "2107030700019c51c644c870f460bb5ab4b12fa96c1092d54a7c8fd3f84b66c0b89f2bf1",
            "2107030700012e935809e43289af94b21c6fc7f4bf067928661443ae0b5360e2a3a17c92",
        ],
    ),
    (
        "FreeBSD main of 2024-10",
        Form::WithLinkLocal,
        [
            "210703070001894a959224cc58efdadd6ccb50bd3036e67eb21d87ae1ec1d808f796680f",
            "210703070001c71e6a135b9a6030cc7c9de9d6d1c0fd77a2c8d649b6a0d052ab40262eec",
        ],
    ),
];

#[test]
fn captured_from_others() {
    let v6 = |first: [u8; 2], rest: &[(usize, u8)]| {
        let mut address = [0; 16];
        (address[0], address[1]) = (first[0], first[1]);
        for (at, byte) in rest {
            address[*at] = *byte;
        }
        address
    };
    let digest = Digest::new(
        HmacSha1::with_pass("s3cret-Word"),
        7,
        &mut [[192, 0, 2, 100]],
        &mut [
            v6([0x20, 1], &[(2, 0x0d), (3, 0xb8), (5, 9), (15, 1)]),
            v6([0x20, 1], &[(2, 0x0d), (3, 0xb8), (14, 1)]),
            v6([0xfe, 0x80], &[(15, 1)]),
        ],
    );
    for (system, form, adverts) in CAPTURED {
        for bytes in adverts {
            let advert = Advert::parse(&unhex(bytes)).expect(system);
            for known in [WITHOUT, Form::WithLinkLocal] {
                let found = digest.verify(advert.counter, &advert.digest, known);
                assert_eq!(found, Some(form), "{system}");
            }
            assert_eq!(digest.sign(advert.counter, form), advert.digest, "{system}");
        }
    }
}

#[test]
fn refused() {
    let advert = V8.parsed();
    assert_eq!(V8.digest().verify(COUNTER, &advert.digest, WITHOUT), None);
}

#[test]
fn a_leaving_advert_is_known() {
    let leaving = |name| {
        let vector = SENT.iter().find(|vector| vector.name == name).unwrap();
        vector.parsed().is_leaving()
    };
    assert!(leaving("V9"));
    assert!(!leaving("V1"));
}
