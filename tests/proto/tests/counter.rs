// SPDX-License-Identifier: GPL-2.0
//! Counters: own adverts coming back, and strict mode.

mod common;

use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::machine::{AdvertKind, Event, Machine};
use carp_proto_tests::proto::wire::{Reject, Source, Sources};
use common::node::{backup, hear, master, peer, NONE, OWN};
use common::{config, v4, v6, Advert};

#[test]
fn rejects_change_nothing() {
    let strict = Config {
        strict: true,
        ..config(1, 0)
    };
    let (mut machine, now) = master(strict);
    let mut heard = peer(1, 100);
    heard.counter = 5_000;
    let _ = hear(&mut machine, now, 9, &heard);
    let sent = machine.next_advert(now, AdvertKind::Regular);
    assert_eq!(sent.counter, 5_001, "above all that was heard");

    let before = machine;
    let mut other_vhid = peer(1, 0);
    other_vhid.vhid = 2;
    let mut replayed = peer(1, 0);
    replayed.counter = 5_000;
    for (from, advert, reject) in [
        (v4(9), other_vhid, Reject::Vhid),
        (v4(2), sent, Reject::OwnAdvert),
        (v4(9), replayed, Reject::Replay),
    ] {
        assert_eq!(machine.advert(now, &OWN, from, &advert), Err(reject));
        assert_eq!(machine, before);
    }
}

/// The last eight of them, and only from the own source.
#[test]
fn own_adverts_are_known_again() {
    let (mut machine, now) = master(config(1, 0));
    let sent: Vec<Advert> = (0..20)
        .map(|_| machine.next_advert(now, AdvertKind::Regular))
        .collect();
    for (age, advert) in sent.iter().rev().enumerate() {
        let heard = |own, from| {
            let mut machine = machine;
            machine.advert(now, &own, from, advert)
        };
        let known = heard(OWN, v4(2)) == Err(Reject::OwnAdvert);
        assert_eq!(known, age < 8, "{age}");
        assert!(heard(OWN, v4(9)).is_ok());
        let zero = Source::V4([0; 4]);
        assert_eq!(heard(NONE, zero) == Err(Reject::OwnAdvert), age < 8);
    }
    // One that was never sent is not known, whatever the counter starts with.
    let mut fresh = backup(config(1, 0));
    for counter in [0, 999, 1_000, 1_001] {
        let mut advert = peer(1, 0);
        advert.counter = counter;
        assert!(fresh.advert(1, &OWN, v4(2), &advert).is_ok());
    }
}

/// In each family by the source that the own adverts have there.
#[test]
fn own_adverts_are_known_again_in_both_families() {
    let Source::V6(own_v6) = v6(2) else { panic!() };
    let own = Sources {
        v6: Some(own_v6),
        ..OWN
    };
    let (mut machine, now) = master(config(1, 0));
    for _ in 0..2 {
        let advert = machine.next_advert(now, AdvertKind::Regular);
        for (from, is_own) in [(v4(2), true), (v6(2), true), (v4(9), false), (v6(9), false)] {
            let mut machine = machine;
            let heard = machine.advert(now, &own, from, &advert);
            assert_eq!(heard == Err(Reject::OwnAdvert), is_own, "{from:?}");
        }
    }
}

/// Nothing is asked of the counter by default: OpenBSD's never changes, FreeBSD's jumps.
#[test]
fn counters_are_free_by_default() {
    let mut machine = backup(config(1, 0));
    for counter in [77, 77, u64::MAX, 0, 5] {
        let mut advert = peer(1, 0);
        advert.counter = counter;
        let _ = hear(&mut machine, 1, 9, &advert);
    }
    let advert = machine.next_advert(1, AdvertKind::Regular);
    assert_eq!(advert.counter, 1_001, "nor do they change the own one");
}

#[test]
fn strict_counters_grow() {
    let strict = Config {
        strict: true,
        ..config(1, 0)
    };
    let accepted = |machine: &mut Machine, from: u8, counter: u64| {
        let mut advert = peer(1, 100);
        advert.counter = counter;
        machine.advert(1, &OWN, v4(from), &advert) != Err(Reject::Replay)
    };
    // Nothing sent yet: the start does not count, or a new node could hear nobody.
    let mut machine = backup(strict);
    assert!(accepted(&mut machine, 9, 0));
    assert!(accepted(&mut machine, 9, 7));
    assert!(!accepted(&mut machine, 9, 7));
    assert!(!accepted(&mut machine, 8, 7), "from whomever");
    assert!(!accepted(&mut machine, 9, 6));
    let sent = machine.next_advert(1, AdvertKind::Regular);
    assert_eq!(sent.counter, 1_001, "the start, since it is higher");
    assert!(!accepted(&mut machine, 9, 999));
    assert!(accepted(&mut machine, 9, 1_000), "sent at the same moment");
    assert!(accepted(&mut machine, 9, 1_001), "and in the other family");
    assert!(!accepted(&mut machine, 8, 1_001));
    assert!(accepted(&mut machine, 8, 2_000));
    let sent = machine.next_advert(1, AdvertKind::Regular);
    assert_eq!(sent.counter, 2_001, "above all that was heard");

    // From the own source, the same counter is an echo, even an old one.
    let mut old = peer(1, 100);
    old.counter = 2_001;
    for _ in 0..8 {
        machine.next_advert(1, AdvertKind::Regular);
    }
    old.counter = 2_009;
    assert_eq!(
        machine.advert(1, &OWN, v4(2), &old),
        Err(Reject::OwnAdvert),
        "named for what it is"
    );
    old.counter = 2_001;
    assert_eq!(machine.advert(1, &OWN, v4(2), &old), Err(Reject::Replay));

    // Off and on again: what was accepted meanwhile proves nothing.
    assert!(accepted(&mut machine, 9, 1 << 60));
    let _ = machine.event(1, Event::Configure(config(1, 0)));
    let _ = machine.event(1, Event::Configure(strict));
    assert!(accepted(&mut machine, 9, 3_000));
    let sent = machine.next_advert(1, AdvertKind::Regular);
    assert_eq!(sent.counter, 3_001);
}
