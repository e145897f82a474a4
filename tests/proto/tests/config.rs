// SPDX-License-Identifier: GPL-2.0
//! What may be configured, and what the administrator reads otherwise.

use carp_proto_tests::proto::config::{
    check_advbase, check_advskew, check_demotion, check_grace, check_key_len, check_vhid, Changes,
    Config, Invalid,
};

#[test]
fn ranges() {
    type Check = fn(u32) -> Result<u8, Invalid>;
    let checks: [(Check, u32, u32, Invalid); 4] = [
        (check_vhid, 1, 255, Invalid::Vhid),
        (check_advbase, 0, 255, Invalid::Advbase),
        (check_advskew, 0, 254, Invalid::Advskew),
        (check_demotion, 0, 240, Invalid::Demotion),
    ];
    for (check, min, max, invalid) in checks {
        for value in (0..1024).chain([0x100 + min, 0x1_0000 + min, u32::MAX - 255, u32::MAX]) {
            let expected = if min <= value && value <= max {
                Ok(value as u8)
            } else {
                Err(invalid)
            };
            assert_eq!(check(value), expected, "{invalid:?} {value}");
        }
    }
    for value in (0..=3_600).chain([3_601, 5_000, 65_535, 65_536, 65_596, u32::MAX]) {
        let expected = if value <= 3_600 {
            Ok(value as u16)
        } else {
            Err(Invalid::Grace)
        };
        assert_eq!(check_grace(value), expected, "{value}");
    }
    assert_eq!(check_key_len(0), Ok(0));
    assert_eq!(check_key_len(20), Ok(20));
    assert_eq!(check_key_len(21), Err(Invalid::KeyLen));
    assert_eq!(check_key_len(usize::MAX), Err(Invalid::KeyLen));
}

/// A message names the setting and both ends of its range.
#[test]
fn messages() {
    for (invalid, words) in [
        (Invalid::Vhid, ["vhid", "1", "255"]),
        (Invalid::Advbase, ["advbase", "0", "255"]),
        (Invalid::Advskew, ["advskew", "0", "254"]),
        (Invalid::Demotion, ["demotion", "0", "240"]),
        (Invalid::Grace, ["grace", "0", "3600"]),
        (Invalid::KeyLen, ["key", "20", "bytes"]),
    ] {
        let message = invalid.message().to_str().unwrap();
        for word in words {
            assert!(message.split(' ').any(|part| part == word), "{message}");
        }
    }
}

/// The defaults that `uapi/if_carp.h` promises.
#[test]
fn defaults() {
    let header = include_str!("../../../uapi/if_carp.h");
    let default_of = |attribute: &str| -> u16 {
        let (_, rest) = header.split_once(attribute).unwrap();
        let (entry, _) = rest.split_once("*/").unwrap();
        let (_, default) = entry.split_once("default ").unwrap();
        default.split_whitespace().next().unwrap().parse().unwrap()
    };
    let config = Config::new(9);
    assert_eq!(config.vhid, 9);
    assert_eq!(u16::from(config.advbase), default_of("IFLA_CARP_ADVBASE"));
    assert_eq!(u16::from(config.advskew), default_of("IFLA_CARP_ADVSKEW"));
    assert_eq!(u16::from(config.preempt), default_of("IFLA_CARP_PREEMPT"));
    assert_eq!(u16::from(config.demotion), default_of("IFLA_CARP_DEMOTION"));
    assert_eq!(u16::from(config.strict), default_of("IFLA_CARP_STRICT"));
    assert_eq!(config.grace_s, default_of("IFLA_CARP_GRACE"));
}

/// Two requests merged are the two, one after the other: field by field, given or not.
#[test]
fn merged() {
    let numbers = [None, Some(3), Some(7)];
    let switches = [None, Some(false), Some(true)];
    let all = (0..3_usize.pow(3)).map(|case| {
        let (first, second, third) = (case % 3, case / 3 % 3, case / 9);
        Changes {
            advbase: numbers[first],
            advskew: numbers[second],
            preempt: switches[third],
            demotion: numbers[third],
            strict: switches[first],
            grace_s: numbers[second].map(u16::from),
        }
    });
    let old = Config::new(9);
    for older in all.clone() {
        for newer in all.clone() {
            let both = newer.apply(&older.apply(&old));
            assert_eq!(older.merge(&newer).apply(&old), both, "{older:?} {newer:?}");
            for third in [Changes::default(), older, newer] {
                let (left, right) = (older.merge(&newer).merge(&third), newer.merge(&third));
                assert_eq!(left, older.merge(&right));
            }
        }
    }
}
