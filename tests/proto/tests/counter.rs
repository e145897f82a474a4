// SPDX-License-Identifier: GPL-2.0
//! Counters: own adverts coming back, old adverts of peers, and strict mode.

mod common;

use carp_proto_tests::proto::carp::advert::Reject;
use carp_proto_tests::proto::carp::counter::Counter;
use carp_proto_tests::proto::carp::Machine;
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::machine::{AdvertKind, Event, Reason};
use common::node::{backup, hear, master, peer, OWN};
use common::{config, v4, v6, Advert};

const STEP: u64 = 1 << 20;
const NAME: u64 = STEP - 1;
/// Milliseconds since the epoch; as a counter.
const NOW_MS: u64 = 1_700_000_000_000;
const NOW: u64 = 1_700_000_000 << 32;
const SECOND: u64 = 1 << 32;
const BEHIND: u64 = 10 * SECOND;

fn strict() -> Config {
    Config {
        strict: true,
        ..config(1, 0)
    }
}

fn next(machine: &mut Machine) -> u64 {
    machine.next_advert(1, AdvertKind::Regular).counter
}

/// What is said to an advert of a worse node with this counter.
fn heard(machine: &mut Machine, counter: u64) -> Result<(), Reject> {
    let advert = Advert {
        counter,
        ..peer(1, 100)
    };
    machine.advert(1, &OWN, v4(9), &advert).map(|_| ())
}

#[test]
fn rejects_change_nothing() {
    let (mut machine, now) = master(strict());
    let old = 5_000 * STEP;
    assert_eq!(heard(&mut machine, old), Ok(()));
    let sent = machine.next_advert(now, AdvertKind::Regular);

    let before = machine;
    let mut other_vhid = peer(1, 0);
    other_vhid.vhid = 2;
    let mut replayed = peer(1, 0);
    replayed.counter = old;
    for (from, advert, reject) in [
        (v4(9), other_vhid, Reject::Vhid),
        (v4(2), sent, Reject::OwnAdvert),
        (v4(9), replayed, Reject::Replay),
    ] {
        assert_eq!(machine.advert(now, &OWN, from, &advert), Err(reject));
        assert_eq!(machine, before);
    }
}

/// However late, from whatever source and family, whatever is written into what the digest does
/// not cover, in every state.
#[test]
fn own_adverts_are_known_again() {
    for config in [config(1, 100), strict()] {
        let (mut machine, now) = master(config);
        let sent: Vec<Advert> = (0..1_000)
            .map(|_| machine.next_advert(now, AdvertKind::Regular))
            .collect();
        let mut as_backup = machine;
        let _ = hear(&mut as_backup, now, 9, &peer(0, 1));
        let mut down = machine;
        let _ = down.event(now, Event::Stop(Reason::ParentDown));
        for (number, advert) in sent.iter().enumerate() {
            let forged = Advert {
                advbase: [0, 1, 255][number % 3],
                advskew: [0, 254, 255][number % 3],
                demote: [0, 1, 255][number / 3 % 3],
                ..*advert
            };
            for before in [machine, as_backup, down] {
                for from in [v4(1), v4(2), v4(9), v6(2), v6(9)] {
                    let mut after = before;
                    let said = after.advert(now, &OWN, from, &forged);
                    assert_eq!(said, Err(Reject::OwnAdvert), "{number} from {from:?}");
                    assert_eq!(after, before);
                }
            }
        }
    }
}

/// What was never sent is not known: neither before the first nor after the last one, and nothing
/// before there is one.
#[test]
fn own_adverts_are_those_that_were_sent() {
    let (mut machine, _) = master(config(1, 0));
    let first = 1_000 + STEP;
    let last = next(&mut machine);
    assert_eq!(last, first + STEP);
    for (counter, is_own) in [
        (first - STEP, false),
        (first, true),
        (last, true),
        (last + STEP, false),
        (last - 1, false),
        (last + 1, false),
        (first + 1, false),
        (1_000, false),
    ] {
        let said = heard(&mut machine.clone(), counter);
        assert_eq!(said == Err(Reject::OwnAdvert), is_own, "{counter}");
    }
    let mut fresh = backup(config(1, 0));
    for counter in [0, 999, 1_000, 1_001, first] {
        assert_eq!(heard(&mut fresh, counter), Ok(()));
    }
}

/// FreeBSD, NetBSD, DragonFly and ucarp go on from the counter that they heard; OpenBSD's is
/// constant; and each begins with a random one.
#[test]
fn the_counters_of_others_are_free() {
    let (mut machine, _) = master(config(1, 0));
    machine.set_clock(NOW_MS);
    let sent = next(&mut machine);
    let mut rng = common::Rng::new(1);
    for _ in 0..3 {
        for ahead in 1..=60_000 {
            assert_eq!(heard(&mut machine, sent + ahead), Ok(()), "{ahead}");
        }
        for counter in [77, 77, u64::MAX, 0, 5, NOW + 9, NOW + 9] {
            assert_eq!(heard(&mut machine, counter), Ok(()));
        }
        for _ in 0..1_000 {
            assert_eq!(heard(&mut machine, rng.next()), Ok(()));
        }
    }
    let then = next(&mut machine);
    assert_eq!(then, sent + STEP, "nor do they change the own one");
}

/// A peer of this implementation is known by its name once its counter has grown. What it sent
/// before is old then, in every mode; but not what others sent, and nothing after its restart.
#[test]
fn old_adverts_of_a_peer_are_known() {
    let old = Err(Reject::Replay);
    for (config, free) in [(config(1, 0), Ok(())), (strict(), old)] {
        let mut machine = backup(config);
        let first = NOW + 7;
        assert_eq!(heard(&mut machine, first), Ok(()));
        assert_eq!(heard(&mut machine, first), free, "it may be OpenBSD");
        assert_eq!(heard(&mut machine, first + 5 * STEP), Ok(()));
        for counter in [first, first + 5 * STEP, first - STEP, first + 4 * STEP, 7] {
            assert_eq!(heard(&mut machine, counter), old);
        }
        assert_eq!(heard(&mut machine, first + 6 * STEP), Ok(()));
        assert_eq!(heard(&mut machine, NOW + 8), free, "another one");
        assert_eq!(heard(&mut machine, first + 6 * STEP), old);
        assert_eq!(heard(&mut machine, first + 7 * STEP), Ok(()));
        // Neither random counters nor such as count by one make it forget.
        let mut rng = common::Rng::new(2);
        for number in 0..100 {
            let _ = heard(&mut machine, rng.next() >> 1);
            let _ = heard(&mut machine, first + 7 * STEP + 10 + number);
        }
        assert_eq!(heard(&mut machine, first + 7 * STEP), old);
        assert_eq!(heard(&mut machine, first + 3 * STEP), old);
    }
}

/// There is room for eight, and the one that was heard least recently goes.
#[test]
fn the_peers_remembered() {
    let mut counter = Counter::new(0);
    let at = |peer: u64, time: u64| NOW + time * STEP + peer;
    for peer in 1..=8 {
        assert!(counter.accept(at(peer, 1), false));
        assert!(counter.accept(at(peer, 2), false));
    }
    for peer in 1..=8 {
        assert!(!counter.accept(at(peer, 2), false), "{peer}");
    }
    assert!(counter.accept(at(1, 3), false), "heard again");
    assert!(counter.accept(at(9, 1), false));
    assert!(counter.accept(at(9, 2), false));
    assert!(!counter.accept(at(1, 3), false));
    assert!(!counter.accept(at(3, 2), false));
    assert!(counter.accept(at(2, 2), false), "forgotten");
}

/// So there is for those whose counters have not grown yet: a peer that is heard between others is
/// known with its second advert.
#[test]
fn a_peer_between_others() {
    let mut counter = Counter::new(0);
    let at = |peer: u64, time: u64| NOW + time * STEP + peer;
    for peer in 1..=8 {
        assert!(counter.accept(at(peer, 1), false));
    }
    assert!(counter.accept(at(1, 2), false));
    assert!(!counter.accept(at(1, 1), false), "it has grown");
    assert!(counter.accept(at(2, 1), false), "it has not");
}

/// One exceeds all that was sent, the time, and all that was heard of this implementation: also of
/// a host that was set back to an earlier state.
#[test]
fn the_time_in_a_counter() {
    let mut counter = Counter::new(0x1234_5678);
    let name = 0x1234_5678 & NAME;
    counter.set_clock(NOW_MS);
    assert_eq!(counter.advance(), NOW | name);
    assert_eq!(counter.advance(), NOW + STEP + name);
    counter.set_clock(NOW_MS + 1_500);
    assert_eq!(counter.advance(), NOW + (3 << 31) + name);
    counter.set_clock(NOW_MS);
    let set_back = NOW + (3 << 31) + STEP + name;
    assert_eq!(counter.advance(), set_back);
    // 512 a second, the most that is sent, do not run ahead of the time.
    for ms in 0..10_000 {
        counter.set_clock(NOW_MS + 2_000 + ms);
        let sent = counter.advance();
        assert_eq!(sent >> 32, (NOW_MS + 2_000 + ms) / 1_000);
    }
    // A peer, and nobody else, is exceeded.
    let ahead = NOW + 60 * SECOND;
    assert!(counter.accept(ahead + 1, false));
    assert!(counter.advance() < ahead);
    assert!(counter.accept(ahead + STEP + 1, false));
    assert_eq!(counter.advance(), ahead + 3 * STEP + name);
    assert_eq!(counter.advance(), ahead + 4 * STEP + name);
}

/// After a restart adverts go on with higher ones, under another name.
#[test]
fn a_restart() {
    for pause_ms in [1, 10, 1_000, 1_000_000_000] {
        for strict in [false, true] {
            let mut peer = Counter::new(0);
            let mut before = Counter::new(u64::MAX);
            before.set_clock(NOW_MS);
            let mut after = Counter::new(5);
            after.set_clock(NOW_MS + pause_ms);
            for _ in 0..2 {
                assert!(peer.accept(before.advance(), strict));
            }
            assert!(peer.accept(after.advance(), strict), "{pause_ms}");
            let late = before.advance();
            assert_eq!(peer.accept(late, strict), !strict, "a name that it had");
        }
    }
}

/// One of them takes another name, whoever's clock is ahead; they hear each other, and the own
/// adverts remain known.
#[test]
fn two_with_the_same_name() {
    for strict in [false, true] {
        for ahead_ms in [0, 1, 10, 100_000] {
            let mut nodes = [Counter::new(77), Counter::new(77)];
            let mut sent = [vec![], vec![]];
            let mut heard = vec![];
            for round in 0..20 {
                for from in [0, 1] {
                    let ahead_ms = if from == 0 { ahead_ms } else { 0 };
                    nodes[from].set_clock(NOW_MS + round * 4 + ahead_ms);
                    let advert = nodes[from].advance();
                    sent[from].push(advert);
                    let to = &mut nodes[1 - from];
                    heard.push(!to.is_own(advert) && to.accept(advert, strict));
                }
            }
            let case = format!("{strict} {ahead_ms}: {heard:?}");
            assert!(heard[10..].iter().all(|heard| *heard), "{case}");
            for (mut node, sent) in nodes.into_iter().zip(sent) {
                for advert in sent {
                    assert!(
                        node.is_own(advert) || !node.accept(advert, strict),
                        "{case}"
                    );
                }
            }
        }
    }
}

/// So it is if their adverts cross each time: the one that is behind has heard a counter of its own
/// name that it never sent.
#[test]
fn two_with_the_same_name_at_once() {
    for ahead_ms in [1, 10, 100_000] {
        let mut nodes = [Counter::new(77), Counter::new(77)];
        let mut heard = vec![];
        for round in 0..20 {
            nodes[0].set_clock(NOW_MS + round * 4 + ahead_ms);
            nodes[1].set_clock(NOW_MS + round * 4);
            let sent = [nodes[0].advance(), nodes[1].advance()];
            for to in [0, 1] {
                let advert = sent[1 - to];
                heard.push(!nodes[to].is_own(advert) && nodes[to].accept(advert, false));
            }
        }
        assert!(
            heard[4..].iter().all(|heard| *heard),
            "{ahead_ms}: {heard:?}"
        );
    }
}

/// Under its other name a node has sent nothing yet.
#[test]
fn another_name() {
    let mut counter = Counter::new(77);
    counter.set_clock(NOW_MS);
    let sent: Vec<u64> = (0..3).map(|_| counter.advance()).collect();
    let ahead = NOW + SECOND + 77;
    assert!(counter.accept(ahead, false));
    assert!(counter.accept(ahead + STEP, false));
    let name = counter.clone().advance() & NAME;
    assert_ne!(name, 77);
    assert!(!counter.is_own((sent[1] & !NAME) | name));
}

/// At the end of the numbers.
#[test]
fn it_wraps_around() {
    let mut counter = Counter::new(u64::MAX - STEP);
    let name = NAME;
    assert_eq!(counter.advance(), u64::MAX);
    assert_eq!(counter.advance(), name);
    for (own, counter_of) in [
        (true, u64::MAX),
        (true, name),
        (false, STEP + name),
        (false, 5),
    ] {
        assert_eq!(counter.is_own(counter_of), own, "{counter_of:x}");
    }
    assert!(counter.accept(u64::MAX - 1, true));
    assert_eq!(counter.advance(), STEP + name);
}

#[test]
fn strict_counters_grow() {
    let old = Err(Reject::Replay);
    // Without a clock, and nothing sent yet: the first one is heard.
    let mut machine = backup(strict());
    assert_eq!(heard(&mut machine, 0), Ok(()));
    assert_eq!(heard(&mut machine, 7), Ok(()));
    assert_eq!(heard(&mut machine, 7), old);
    assert_eq!(heard(&mut machine, 6), old);
    // And what crosses an own one: a quarter of a second older, not more, and each once.
    machine.set_clock(NOW_MS);
    let quarter = 1 << 30;
    let sent = next(&mut machine);
    assert_eq!(sent, NOW + 1_000);
    assert_eq!(heard(&mut machine, sent - quarter), old);
    assert_eq!(heard(&mut machine, sent - quarter + 1), Ok(()));
    assert_eq!(heard(&mut machine, sent - quarter + 1), old);
    assert_eq!(heard(&mut machine, sent + 1), Ok(()));
    assert_eq!(heard(&mut machine, sent - 1), old);
    assert_eq!(heard(&mut machine, NOW + 2_000 * STEP), Ok(()));
    let above = NOW + 2_002 * STEP + 1_000;
    assert_eq!(next(&mut machine), above, "above what was heard");

    // Off and on again: what was accepted meanwhile proves nothing.
    assert_eq!(heard(&mut machine, (1 << 63) + 3), Ok(()));
    let _ = machine.event(1, Event::Configure(config(1, 0)));
    let _ = machine.event(1, Event::Configure(strict()));
    assert_eq!(heard(&mut machine, NOW + 3_000 * STEP + 4), Ok(()));
    assert_eq!(next(&mut machine), NOW + 3_002 * STEP + 1_000);
}

/// A node that has neither sent nor heard anything goes by the clock, to ten seconds; then by what
/// it has heard.
#[test]
fn strict_from_the_first_advert() {
    let old = Err(Reject::Replay);
    let mut machine = backup(strict());
    machine.set_clock(NOW_MS);
    for counter in [0, 7, NOW / 2, NOW - BEHIND] {
        assert_eq!(heard(&mut machine, counter), old);
    }
    let mut behind = machine;
    assert_eq!(heard(&mut behind, NOW - BEHIND + 1), Ok(()));
    assert_eq!(heard(&mut machine, NOW + 1_000_000 * SECOND), Ok(()));
    // Whose clock is behind by more is heard when it has heard this one.
    assert_eq!(heard(&mut behind, NOW - BEHIND + 2), Ok(()));

    // Strict mode is switched on while both run, and the clocks are right.
    let mut switched = backup(config(1, 0));
    switched.set_clock(NOW_MS);
    let _ = next(&mut switched);
    switched.set_clock(NOW_MS + 100_000);
    let _ = switched.event(1, Event::Configure(strict()));
    assert_eq!(heard(&mut switched, NOW + STEP), old);
    assert_eq!(
        heard(&mut switched, NOW + 100 * SECOND - BEHIND + 1),
        Ok(())
    );
}
