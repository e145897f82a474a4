// SPDX-License-Identifier: GPL-2.0
//! Who is better, and who yields.

mod common;

use carp_proto_tests::proto::carp::advert::{Source, Sources};
use carp_proto_tests::proto::carp::election::Tie;
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::machine::{Actions, Reason, State};
use common::node::{backup, hear, master, peer, NONE, OWN};
use common::{config, v4, v6, Advert, SECOND};

/// More than three of its own intervals: then it is as good as gone, but not with advbase 0, where
/// an ordinary advskew is more.
#[test]
fn a_master_that_is_too_rare() {
    let became =
        |own: Config, peer: &Advert| hear(&mut backup(own), 1, 9, peer) != Actions::default();
    assert!(!became(config(1, 0), &peer(3, 0)));
    assert!(became(config(1, 0), &peer(3, 1)));
    assert!(!became(config(0, 1), &peer(0, 254)));
    let demoted = Config {
        demotion: 1,
        ..config(1, 0)
    };
    assert!(!became(demoted, &peer(200, 0)), "it would be better again");
}

/// Equal masters: the higher source stays; without sources, the higher counter.
#[test]
fn equal_masters() {
    let yields = |own: Sources, from: Source, counter: u64| {
        let (mut machine, now) = master(config(1, 0));
        let mut advert = peer(1, 0);
        advert.counter = counter;
        let actions = machine.advert(now, &own, from, &advert).unwrap();
        assert_eq!(actions.changed.is_some(), machine.state() == State::Backup);
        machine.state() == State::Backup
    };
    let (low, high) = (500, u64::MAX);
    let zero = Source::V4([0; 4]);
    let own_v4 = |address| Sources {
        v4: Some(address),
        v6: None,
    };
    for counter in [low, high] {
        assert!(!yields(OWN, v4(1), counter));
        assert!(yields(OWN, v4(3), counter));
        assert!(yields(NONE, v4(1), counter));
        assert!(!yields(OWN, zero, counter));
        assert!(yields(NONE, v6(1), counter));
        assert!(!yields(own_v6(2), v6(1), counter));
        let high_in_front = Source::V4([193, 0, 0, 0]);
        assert!(yields(own_v4([192, 0, 2, 200]), high_in_front, counter));
    }
    for (own, from) in [
        (OWN, v4(2)),
        (NONE, zero),
        (own_v4([0; 4]), zero),
        (NONE, Source::V6([0; 16])),
        (own_v6(2), v6(2)),
    ] {
        assert!(!yields(own, from, low));
        assert!(yields(own, from, high));
    }
}

fn own_v6(last: u8) -> Sources {
    let Source::V6(address) = v6(last) else {
        unreachable!()
    };
    Sources {
        v4: None,
        v6: Some(address),
    }
}

/// In both families, with the order of the addresses reversed in one of them: IPv4 decides while it
/// is heard, whichever advert comes first; else IPv6, with the second advert.
#[test]
fn equal_masters_in_both_families() {
    let own = Sources {
        v4: Some([192, 0, 2, 2]),
        v6: own_v6(2).v6,
    };
    let run = |heard: &[(u64, Source)]| {
        let (mut machine, start) = master(config(1, 0));
        for (tenths, from) in heard {
            let now = start + tenths * SECOND / 10;
            let _ = machine.advert(now, &own, *from, &peer(1, 0)).unwrap();
        }
        machine.state()
    };
    let (stays, yields) = (State::Master, State::Backup);
    assert_eq!(run(&[(0, v4(1)), (0, v6(9))]), stays);
    assert_eq!(
        run(&[(0, v6(9)), (0, v4(1)), (10, v6(9)), (10, v4(1))]),
        stays
    );
    assert_eq!(run(&[(0, v6(1)), (0, v4(9))]), yields);
    // Three intervals without IPv4.
    assert_eq!(run(&[(0, v4(1)), (20, v6(9)), (30, v6(9))]), stays);
    assert_eq!(run(&[(0, v4(1)), (30, v6(9)), (31, v6(9))]), stays);
    assert_eq!(run(&[(0, v4(1)), (31, v6(9))]), stays);
    assert_eq!(run(&[(0, v4(1)), (31, v6(9)), (41, v6(9))]), yields);
    assert_eq!(run(&[(0, v6(9))]), stays);
    assert_eq!(run(&[(0, v6(9)), (10, v6(9))]), yields);
    // Nor does it insist there for ever.
    let insists: Vec<_> = (0..4).map(|heard| (heard * 10, v6(1))).collect();
    assert_eq!(run(&insists[..3]), stays);
    assert_eq!(run(&insists), yields);
}

/// A BACKUP knows a master that advertises in both families by one name; by the other when the
/// first family has been silent for two of its intervals.
#[test]
fn a_master_in_both_families_has_one_name() {
    let mut machine = backup(config(1, 0));
    let mut hear = |tenths: u64, from| {
        let _ = machine.advert(tenths * SECOND / 10, &OWN, from, &peer(1, 0));
        machine.master()
    };
    assert_eq!(hear(10, v6(9)), Some(v6(9)));
    assert_eq!(hear(11, v4(1)), Some(v4(1)));
    assert_eq!(hear(12, v6(9)), Some(v4(1)));
    assert_eq!(hear(31, v6(9)), Some(v4(1)));
    assert_eq!(hear(32, v6(9)), Some(v6(9)));
    assert_eq!(hear(33, v6(8)), Some(v6(8)));
    assert_eq!(hear(34, v4(2)), Some(v4(2)));
    assert_eq!(hear(35, v4(3)), Some(v4(3)));
}

/// A MASTER does not insist for ever on staying: the third advert in a row is from one that does
/// not know this rule.
#[test]
fn equal_masters_with_other_rules() {
    let (mut machine, start) = master(config(1, 0));
    let equal = peer(1, 0);
    let mut patient = machine;
    for heard in 0..10 {
        let _ = hear(&mut patient, start + heard * (8 * SECOND + 1), 1, &equal);
        assert_eq!(patient.state(), State::Master, "not in a row");
    }
    for heard in 0..2 {
        let _ = hear(&mut machine, start + heard * SECOND, 1, &equal);
        assert_eq!(machine.state(), State::Master);
    }
    let third = start + 2 * SECOND;
    let actions = hear(&mut machine, third, 1, &equal);
    assert_eq!(actions.changed.unwrap().reason, Reason::BetterMaster);
    assert_eq!(actions.send, None);
    assert_eq!(machine.master(), Some(v4(1)));
    // An interval and some quarters more than the peer waits, should it have yielded as well.
    let waits = machine.deadline_ns().unwrap() - third - 4 * SECOND;
    assert!((SECOND / 4..=SECOND).contains(&waits), "{waits}");
    let _ = hear(&mut machine, third + SECOND, 1, &equal);
    assert_eq!(machine.deadline_ns(), Some(third + 4 * SECOND));
}

/// What a MASTER that yields to an equal one waits longer: an interval; and where both may have
/// yielded, a quarter to four quarters more, which are not the same on two hosts each time.
#[test]
fn what_one_that_yields_waits_longer() {
    let tie = |adverts: u64, with: Source| {
        (0..adverts)
            .fold(None, |tie, now| Tie::heard(tie, now, with, 1_000))
            .unwrap()
    };
    let step = 1 << 20;
    let first = tie(1, v4(9));
    let third = tie(3, v4(1));
    let mut counted = [0; 4];
    for sent in 0..4_000 {
        assert_eq!(first.extra_ns(&OWN, 77 + sent * step, 4_000), 4_000);
        let extra = third.extra_ns(&OWN, 77 + sent * step, 4_000);
        assert!(extra % 1_000 == 0, "{extra}");
        counted[(extra / 1_000 - 5) as usize] += 1;
    }
    assert!(
        counted.iter().all(|count| (800..1_200).contains(count)),
        "{counted:?}"
    );
    // However far apart two hosts are, and whatever their names: they differ soon.
    for (distance, name) in [(0, 1), (1, 5), (2, 0xf_ffff), (4_096, 3), (4_096_000, 9)] {
        let differs = |from: u64| {
            (from..from + 12).any(|sent| {
                let extra = |counter| third.extra_ns(&OWN, counter, 4_000);
                extra(77 + sent * step) != extra((77 ^ name) + (sent + distance) * step)
            })
        };
        assert!(
            (0..1_000).all(|from| differs(from * 12)),
            "{distance} {name}"
        );
    }
    // Over IPv6 the first advert does not count if there is IPv4, and both may yield by the second.
    let dual = Sources {
        v6: own_v6(2).v6,
        ..OWN
    };
    assert_eq!(tie(2, v6(9)).extra_ns(&own_v6(2), 77, 4_000), 4_000);
    assert!(tie(2, v6(9)).extra_ns(&dual, 77, 4_000) >= 5_000);
}

/// A peer that is more demoted, less demoted, or as much: whatever its intervals.
#[test]
fn demotion_is_before_the_interval() {
    let demoted = Config {
        demotion: 5,
        ..config(1, 0)
    };
    for (demote, advskew, as_backup, as_master) in [
        (4, 254, State::Backup, State::Backup),
        (5, 4, State::Backup, State::Backup),
        (5, 6, State::Backup, State::Master),
        (6, 0, State::Master, State::Master),
    ] {
        let mut advert = peer(1, advskew);
        advert.demote = demote;
        let mut machine = backup(demoted);
        let _ = hear(&mut machine, 1, 9, &advert);
        assert_eq!(machine.state(), as_backup, "{demote} {advskew}");
        let (mut machine, now) = master(demoted);
        let _ = hear(&mut machine, now, 9, &advert);
        assert_eq!(machine.state(), as_master, "{demote} {advskew}");
    }
}

/// Not even a node that is more demoted yields to one that leaves.
#[test]
fn nobody_yields_to_a_leaving_master() {
    let (mut machine, now) = master(Config {
        demotion: 240,
        ..config(255, 254)
    });
    let _ = hear(&mut machine, now, 9, &peer(255, 255));
    assert_eq!(machine.state(), State::Master);
}
