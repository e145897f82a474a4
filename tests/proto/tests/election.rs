// SPDX-License-Identifier: GPL-2.0
//! Who is better, and who yields.

mod common;

use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::machine::{Actions, Reason, State};
use carp_proto_tests::proto::wire::Source;
use common::node::{backup, hear, master, peer, OWN};
use common::{config, v4, Advert, SECOND};

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
    let yields = |own: Option<Source>, from: Source, counter: u64| {
        let (mut machine, now) = master(config(1, 0));
        let mut advert = peer(1, 0);
        advert.counter = counter;
        let actions = machine.advert(now, own, from, &advert).unwrap();
        assert_eq!(actions.changed.is_some(), machine.state() == State::Backup);
        machine.state() == State::Backup
    };
    let (low, high) = (500, u64::MAX);
    let zero = v4(0).unspecified();
    let six = |last| {
        let mut address = [0; 16];
        address[15] = last;
        Source::V6(address)
    };
    assert_eq!(zero, Source::V4([0; 4]));
    for counter in [low, high] {
        assert!(!yields(OWN, v4(1), counter));
        assert!(yields(OWN, v4(3), counter));
        assert!(yields(None, v4(1), counter));
        assert!(!yields(OWN, zero, counter));
        assert!(yields(None, six(1), counter));
        assert!(!yields(Some(six(2)), six(1), counter));
        assert!(yields(Some(v4(200)), Source::V4([193, 0, 0, 0]), counter));
    }
    for (own, from) in [
        (OWN, v4(2)),
        (None, zero),
        (Some(zero), zero),
        (None, six(0)),
    ] {
        assert!(!yields(own, from, low));
        assert!(yields(own, from, high));
    }
}

/// A MASTER does not insist for ever on staying: the third advert in a row is from one that does
/// not know this rule.
#[test]
fn equal_masters_with_other_rules() {
    let (mut machine, start) = master(config(1, 0));
    let equal = peer(1, 0);
    let mut patient = machine;
    for heard in 0..10 {
        let _ = hear(&mut patient, start + heard * (3 * SECOND + 1), 1, &equal);
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
    // An interval more than the peer waits, should it have yielded as well.
    assert_eq!(machine.deadline_ns(), Some(third + 4 * SECOND));
    let _ = hear(&mut machine, third + SECOND, 1, &equal);
    assert_eq!(machine.deadline_ns(), Some(third + 4 * SECOND));
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
