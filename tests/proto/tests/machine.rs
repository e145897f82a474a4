// SPDX-License-Identifier: GPL-2.0
//! The rules of the machine that one node alone shows; what each input does in each state is in
//! `table.txt`.

mod common;

use carp_proto_tests::proto::carp::Machine;
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::demotion::SEND_ERROR_HOLD_NS;
use carp_proto_tests::proto::machine::{Actions, AdvertKind, Event, Reason, State};
use carp_proto_tests::proto::state::next_state;
use common::node::{backup, became_master, hear, master, peer, NONE, OWN};
use common::{config, v4, v6, Advert, Rng, MS, SECOND};

/// The numbers that user space sees.
#[test]
fn numbers_of_the_user_interface() {
    let header = include_str!("../../../uapi/if_carp.h");
    let numbered = |of: &str| -> Vec<String> {
        let (_, rest) = header.split_once(&format!("enum {of} {{")).unwrap();
        let (body, _) = rest.split_once("};").unwrap();
        let lines = body.lines().map(|line| line.trim());
        let names = lines.filter_map(|line| line.split_once(',').map(|(name, _)| name));
        names
            .map(|name| name.replace('_', "").to_lowercase())
            .collect()
    };
    for (number, name) in numbered("carp_state").iter().enumerate() {
        let state = [State::Init, State::Backup, State::Master][number];
        assert_eq!(state as usize, number);
        assert_eq!(*name, format!("carpstate{state:?}").to_lowercase());
    }
    let reasons = [
        Reason::None,
        Reason::Started,
        Reason::DeviceDown,
        Reason::ParentDown,
        Reason::NoAddress,
        Reason::MasterTimeout,
        Reason::MasterLeaving,
        Reason::Preempt,
        Reason::PeerDemoted,
        Reason::BetterMaster,
        Reason::Requested,
        Reason::AtRest,
        Reason::Resumed,
    ];
    let names = numbered("carp_reason");
    assert_eq!(names.len(), reasons.len());
    for (number, (name, reason)) in names.iter().zip(reasons).enumerate() {
        assert_eq!(reason as usize, number);
        assert_eq!(*name, format!("carpreason{reason:?}").to_lowercase());
        // Every reason but "none so far" leads from somewhere to somewhere else.
        let states = [State::Init, State::Backup, State::Master];
        let leads = |from| next_state(from, reason).is_some_and(|to| to != from);
        assert_eq!(states.into_iter().any(leads), reason != Reason::None);
    }
}

#[test]
fn adverts_are_sent_each_interval() {
    let (mut machine, start) = master(config(1, 100));
    let interval = SECOND + 100 * SECOND / 256;
    for sent in 1..20 {
        let deadline = machine.deadline_ns().unwrap();
        assert_eq!(deadline, start + sent * interval);
        let actions = machine.timeout(deadline);
        assert_eq!(actions.send, Some(AdvertKind::Regular));
        assert_eq!(actions.announce, sent == 2, "advert {sent}");
        let advert = machine.next_advert(deadline, AdvertKind::Regular);
        assert_eq!(advert.counter, 1_000 + ((1 + sent) << 20));
        assert_eq!((advert.advbase, advert.advskew, advert.demote), (1, 100, 0));
        assert_eq!((advert.vhid, advert.digest), (1, [0; 20]));
    }
}

#[test]
fn a_leaving_advert() {
    let (mut machine, now) = master(Config {
        demotion: 3,
        ..config(1, 100)
    });
    let advert = machine.next_advert(now, AdvertKind::Leaving);
    assert!(advert.is_leaving());
    assert_eq!((advert.demote, advert.counter), (3, 1_000 + (2 << 20)));
}

#[test]
fn an_early_timer_does_nothing() {
    for mut machine in [
        Machine::new(config(1, 0), 0),
        backup(config(1, 0)),
        master(config(1, 0)).0,
    ] {
        let before = machine;
        let early = machine.deadline_ns().unwrap_or(u64::MAX) - 1;
        assert_eq!(machine.timeout(early), Actions::default());
        assert_eq!(machine, before);
    }
}

/// The master-down time follows what the master announced; a BACKUP never misses less than three.
#[test]
fn the_deadline_follows_the_master() {
    let mut machine = backup(config(1, 0));
    assert_eq!(machine.deadline_ns(), Some(3 * SECOND));
    assert_eq!(machine.master(), None);
    for (now, advert, down) in [
        (SECOND, peer(1, 0), 3 * SECOND),
        (2 * SECOND, peer(1, 128), 9 * SECOND / 2),
        (3 * SECOND, peer(3, 0), 9 * SECOND),
        (4 * SECOND, peer(0, 128), 3 * SECOND),
    ] {
        assert_eq!(hear(&mut machine, now, 9, &advert), Actions::default());
        assert_eq!(machine.deadline_ns(), Some(now + down));
        assert_eq!(machine.master(), Some(v4(9)));
    }
    let _ = hear(&mut machine, 5 * SECOND, 1, &peer(1, 0));
    assert_eq!(machine.master(), Some(v4(1)));
    let _ = machine.timeout(8 * SECOND);
    assert_eq!(machine.master(), None, "it is itself");
}

/// A master that is heard more rarely than it announces counts with the shortest of the last five
/// intervals observed.
#[test]
fn the_deadline_follows_a_slow_master() {
    let mut machine = backup(config(0, 25));
    let announced = peer(0, 26);
    let interval = 26 * SECOND / 256;
    let down = |interval: u64| 3 * interval + 25 * SECOND / 256;
    let mut now = SECOND;
    let mut waits_after = |gap: u64, advert: &Advert| {
        now += gap;
        let _ = hear(&mut machine, now, 9, advert);
        machine.deadline_ns().unwrap() - now
    };
    assert_eq!(waits_after(0, &announced), down(interval));
    assert_eq!(waits_after(2 * interval, &announced), down(interval), "one");
    assert_eq!(waits_after(3 * interval, &announced), down(2 * interval));
    assert_eq!(waits_after(interval / 2, &announced), down(interval));
    for _ in 0..4 {
        assert_eq!(waits_after(3 * interval, &announced), down(interval));
    }
    assert_eq!(waits_after(3 * interval, &announced), down(3 * interval));
    // What it announces is the least.
    assert_eq!(waits_after(interval, &peer(1, 0)), down(SECOND));
    // After eight intervals of silence all begins anew.
    for _ in 0..10 {
        assert_eq!(waits_after(8 * interval + 1, &announced), down(interval));
    }
    assert_eq!(waits_after(8 * interval, &announced), down(interval));
    assert_eq!(waits_after(8 * interval, &announced), down(8 * interval));
    // One that leaves has no interval.
    assert_eq!(waits_after(2 * interval, &announced), down(2 * interval));
    let leaving = Advert {
        demote: 0,
        ..peer(255, 255)
    };
    let mut became = machine;
    let _ = hear(&mut became, now, 9, &leaving);
    assert_eq!(became.state(), State::Master);
}

/// The adverts over IPv6 that follow those over IPv4 say nothing about the interval.
#[test]
fn a_slow_master_in_both_families() {
    let mut machine = backup(config(0, 25));
    let mut now = SECOND;
    let interval = 26 * SECOND / 256;
    for _ in 0..3 {
        now += 2 * interval;
        for (after, from) in [(0, v4(9)), (1, v6(9))] {
            let _ = machine
                .advert(now + after, &OWN, from, &peer(0, 26))
                .unwrap();
        }
    }
    let down = 3 * 2 * interval + 25 * SECOND / 256;
    assert_eq!(machine.deadline_ns(), Some(now + 1 + down));
    // It goes on over IPv6 alone, which is noticed after the silence of the other.
    for _ in 0..12 {
        now += 2 * interval;
        let _ = machine.advert(now, &OWN, v6(9), &peer(0, 26)).unwrap();
    }
    assert_eq!(machine.deadline_ns(), Some(now + down));
}

/// Of this implementation: its counter grows under one name.
#[test]
fn the_interval_of_a_peer_is_what_it_announces() {
    let mut machine = backup(config(0, 25));
    for number in 1..10 {
        let now = number * SECOND;
        let mut advert = peer(1, 0);
        advert.counter = number << 20;
        let _ = hear(&mut machine, 2 * now, 9, &advert);
        let down = 3 * SECOND + 25 * SECOND / 256;
        assert_eq!(machine.deadline_ns(), Some(2 * now + down));
    }
}

/// Peers that were deaf so far are told at once that there is a MASTER.
#[test]
fn another_signature_is_told_at_once() {
    let (mut machine, start) = master(config(1, 0));
    let now = start + 300 * MS;
    let told = machine.event(now, Event::SignedAnew);
    assert_eq!((told.send, told.changed), (Some(AdvertKind::Regular), None));
    assert_eq!(machine.deadline_ns(), Some(now + SECOND));
    for mut quiet in [backup(config(1, 0)), Machine::new(config(1, 0), 0)] {
        let before = quiet;
        assert_eq!(quiet.event(now, Event::SignedAnew), Actions::default());
        assert_eq!(quiet, before);
    }
}

#[test]
fn a_change_of_priority_is_told_at_once() {
    let (mut machine, start) = master(config(1, 0));
    let now = start + 300 * MS;
    let told = Actions {
        send: Some(AdvertKind::Regular),
        ..Actions::default()
    };
    for changed in [
        config(1, 10),
        config(2, 10),
        config(1, 0),
        Config {
            demotion: 1,
            ..config(1, 0)
        },
    ] {
        assert_eq!(machine.event(now, Event::Configure(changed)), told);
        let advert = machine.next_advert(now, AdvertKind::Regular);
        let skew = changed.advskew + changed.demotion;
        assert_eq!((advert.advbase, advert.advskew), (changed.advbase, skew));
        assert_eq!(advert.demote, changed.demotion);
        let interval = u64::from(changed.advbase) * SECOND + u64::from(skew) * SECOND / 256;
        assert_eq!(machine.deadline_ns(), Some(now + interval));
    }
    // What is no change of priority is not.
    let before = machine.deadline_ns();
    let preempt = Config {
        preempt: true,
        ..*machine.config()
    };
    let actions = machine.event(now + 100 * MS, Event::Configure(preempt));
    assert_eq!(actions, Actions::default());
    assert_eq!(machine.deadline_ns(), before);
    assert_eq!(*machine.config(), preempt);
}

/// In BACKUP the time already waited counts, and the deadline is never in the past: then the
/// timer would be late.
#[test]
fn a_change_of_priority_moves_the_deadline_of_a_backup() {
    let mut machine = backup(config(10, 0));
    let _ = hear(&mut machine, 5 * SECOND, 9, &peer(1, 0));
    assert_eq!(machine.deadline_ns(), Some(35 * SECOND));
    let _ = machine.event(6 * SECOND, Event::Configure(config(2, 0)));
    assert_eq!(machine.deadline_ns(), Some(11 * SECOND));
    let _ = machine.event(9 * SECOND, Event::Configure(config(0, 128)));
    assert_eq!(machine.deadline_ns(), Some(9 * SECOND));
    let actions = machine.timeout(9 * SECOND);
    assert_eq!(actions, became_master(Reason::MasterTimeout));
}

/// Not trusted once, though it may be late again; and again only after an advert was heard.
#[test]
fn a_late_timer() {
    let mut machine = backup(config(1, 0));
    let allowed = 4 * SECOND;
    let mut punctual = machine;
    assert_eq!(
        punctual.timeout(allowed),
        became_master(Reason::MasterTimeout)
    );
    assert_eq!(punctual.late_timers(), 0);

    assert_eq!(machine.timeout(allowed + 1), Actions::default());
    assert_eq!(machine.late_timers(), 1);
    assert_eq!(machine.deadline_ns(), Some(allowed + 1 + SECOND));
    let mut unheard = machine;
    // A change of settings does not shorten the time that is given to the adverts.
    let _ = unheard.event(allowed + 2, Event::Configure(config(0, 1)));
    assert_eq!(unheard.deadline_ns(), Some(allowed + 1 + SECOND));
    let actions = unheard.timeout(100 * SECOND);
    assert_eq!(actions, became_master(Reason::MasterTimeout));
    assert_eq!(unheard.late_timers(), 2);

    let _ = hear(&mut machine, 6 * SECOND, 9, &peer(1, 0));
    assert_eq!(machine.deadline_ns(), Some(9 * SECOND));
    assert_eq!(machine.timeout(20 * SECOND), Actions::default());
    assert_eq!(machine.late_timers(), 2);
}

/// A MASTER that hears a worse one tells the neighbours, at most once in its interval, and with
/// the second advert after the last time.
#[test]
fn a_master_asserts_itself() {
    let (mut machine, start) = master(config(1, 0));
    let worse = peer(1, 1);
    let at = |ms: u64| start + ms * MS;
    assert!(!hear(&mut machine, at(500), 9, &worse).announce, "just did");
    assert!(!machine.timeout(at(1_000)).announce);
    assert!(
        machine.timeout(at(2_000)).announce,
        "with the second advert"
    );
    assert!(!hear(&mut machine, at(2_999), 9, &worse).announce);
    assert!(hear(&mut machine, at(3_000), 9, &worse).announce);
    assert!(!machine.timeout(at(3_001)).announce);
    assert!(!hear(&mut machine, at(3_999), 9, &peer(255, 255)).announce);
    assert!(hear(&mut machine, at(4_000), 9, &peer(255, 255)).announce);
    let announced: Vec<bool> = (5..9)
        .map(|second| machine.timeout(at(1_000 * second)).announce)
        .collect();
    assert_eq!(announced, [false, true, false, false]);
    assert_eq!(machine.state(), State::Master);
}

#[test]
fn send_errors_demote_a_master_and_are_told_once() {
    let (mut machine, now) = master(config(1, 0));
    let none = Actions::default();
    assert_eq!(machine.event(now, Event::SendFailed), none);
    assert_eq!(machine.event(now, Event::SendFailed), none);
    let told = machine.event(now, Event::SendFailed);
    assert_eq!(told.send, Some(AdvertKind::Regular));
    assert_eq!(machine.event(now, Event::SendFailed), none, "no loop");
    let advert = machine.next_advert(now, AdvertKind::Regular);
    assert_eq!((advert.advskew, advert.demote), (240, 1));
    let healed = now + SEND_ERROR_HOLD_NS;
    let advert = machine.next_advert(healed, AdvertKind::Regular);
    assert_eq!((advert.advskew, advert.demote), (0, 0));
}

/// The ends of the number ranges, where overflow checks would be a BUG in the kernel.
#[test]
fn nothing_overflows() {
    for counter in [0, u64::MAX - 1, u64::MAX] {
        for strict in [false, true] {
            let config = Config {
                strict,
                demotion: 240,
                preempt: true,
                ..config(255, 254)
            };
            let mut machine = Machine::new(config, counter);
            for now in [0, 1, u64::MAX - 1, u64::MAX, 0] {
                let _ = machine.event(now, Event::Start);
                for _ in 0..300 {
                    let _ = machine.event(now, Event::SendFailed);
                }
                let _ = machine.timeout(now);
                let _ = machine.timeout(u64::MAX);
                for counter in [0, u64::MAX] {
                    let mut advert = peer(255, 254);
                    advert.counter = counter;
                    advert.demote = 255;
                    let _ = machine.advert(now, &NONE, v4(9), &advert);
                    machine.next_advert(now, AdvertKind::Regular);
                }
            }
        }
    }
}

fn any_config(rng: &mut Rng) -> Config {
    Config {
        vhid: 1,
        advbase: rng.below(3) as u8,
        advskew: rng.below(255) as u8,
        preempt: rng.chance(50),
        demotion: [0, 0, 1, 240][rng.below(4) as usize],
        strict: rng.chance(20),
        grace_s: rng.below(3600) as u16,
    }
}

/// What the machine makes of any input, which may let the clock go on.
fn any_input(machine: &mut Machine, rng: &mut Rng, now: &mut u64) -> Actions {
    match rng.below(11) {
        0 => machine.event(*now, Event::Start),
        10 if rng.chance(50) => machine.event(*now, Event::Stop(Reason::AtRest)),
        10 => machine.event(*now, Event::Resume),
        1 => machine.event(*now, Event::Stop(Reason::ParentDown)),
        2 => machine.event(*now, Event::Request(State::Master)),
        3 => machine.event(*now, Event::Configure(any_config(rng))),
        4 => machine.event(*now, Event::SendFailed),
        5 => {
            *now = machine.deadline_ns().unwrap_or(*now).max(*now);
            machine.timeout(*now)
        }
        _ => {
            let mut advert = common::any_advert(rng);
            advert.vhid = 1;
            advert.advbase = rng.below(3) as u8;
            advert.demote = rng.below(2) as u8;
            let before = *machine;
            let heard = machine.advert(*now, &OWN, v4(rng.byte()), &advert);
            if heard.is_err() {
                assert_eq!(*machine, before);
            }
            heard.unwrap_or_default()
        }
    }
}

/// What the caller relies on, after any input that was made at `now`.
fn check_invariants(before: &Machine, machine: &Machine, actions: Actions, now: u64) {
    // A change is told as it is, and only as the table has it.
    let changed = (before.state() != machine.state()).then_some(());
    assert_eq!(changed, actions.changed.map(|_| ()));
    if let Some(change) = actions.changed {
        assert_eq!((change.from, change.to), (before.state(), machine.state()));
        assert_eq!(next_state(change.from, change.reason), Some(change.to));
    }
    // There is a deadline while running, it is not in the past, and not out of reach.
    match (machine.state(), machine.deadline_ns()) {
        (State::Init, deadline) => assert_eq!(deadline, None),
        (_, Some(deadline)) => {
            let set = before.deadline_ns() != Some(deadline);
            assert!(!set || deadline >= now);
            // Eight times the interval of the peer, at most.
            assert!(deadline <= now + 80 * SECOND);
        }
        (_, None) => panic!("no deadline"),
    }
    // Only a MASTER announces, and says that it is one.
    if actions.announce || actions.send == Some(AdvertKind::Regular) {
        assert_eq!(machine.state(), State::Master);
    }
    if actions.send == Some(AdvertKind::Leaving) {
        assert_eq!(before.state(), State::Master);
        assert_ne!(machine.state(), State::Master);
    }
    assert!(machine.master().is_none() || machine.state() == State::Backup);
}

/// Any inputs in any order. Of the seeds that it prints, the last one leads to the failure.
#[test]
fn invariants_hold_after_any_inputs() {
    for seed in 0..300 {
        println!("seed {seed}");
        let mut rng = Rng::new(seed);
        let mut machine = Machine::new(any_config(&mut rng), rng.next());
        let mut now = 0;
        for _ in 0..400 {
            now += rng.below(3 * SECOND);
            let before = machine;
            let actions = any_input(&mut machine, &mut rng, &mut now);
            check_invariants(&before, &machine, actions, now);
        }
    }
}
