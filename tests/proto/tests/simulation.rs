// SPDX-License-Identifier: GPL-2.0
//! What several nodes do together: who is MASTER, from when on, and that it stays so.

mod common;

use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::demotion::SEND_ERROR_HOLD_NS;
use carp_proto_tests::proto::machine::{Event, Reason, State};
use common::config;
use common::foreign::{Foreign, System};
use common::world::World;
use common::{MS, SECOND};

fn preempting(advbase: u8, advskew: u8) -> Config {
    Config {
        preempt: true,
        ..config(advbase, advskew)
    }
}

/// Equal nodes, started with any distance from each other, among them all at once so that their
/// adverts cross exactly: one MASTER, the highest address if they cross, and it stays for a minute.
#[test]
fn equal_nodes_agree_on_one_for_good() {
    let latency = 2 * MS;
    for nodes in [2, 3, 4] {
        for distance in (0..=3 * latency).step_by(MS as usize / 2) {
            for (advbase, advskew) in [(1, 0), (0, 20), (2, 100)] {
                for strict in [false, true] {
                    let mut world = World::new(distance, latency);
                    for node in 0..nodes {
                        world.add(Config {
                            strict,
                            ..config(advbase, advskew)
                        });
                        world.event(node, Event::Start);
                        world.run_for(distance);
                    }
                    world.run_for(5 * SECOND * (u64::from(advbase) + 1));
                    let agreed = world.masters();
                    assert_eq!(agreed.len(), 1, "{nodes} nodes, {distance} ns: {agreed:?}");
                    // Those whose timer fires before the first advert has arrived.
                    let crossing = latency.checked_div(distance).unwrap_or(u64::MAX);
                    let highest = crossing.min(nodes as u64 - 1) as usize;
                    if !strict {
                        assert_eq!(agreed, [highest], "{distance} ns");
                    }
                    let start = world.now;
                    world.run_for(60 * SECOND);
                    assert!(world.quiet_since(start), "{:?}", world.log);
                    // Strict nodes that have not heard each other yet take the other's first advert
                    // for an old one.
                    let interval = u64::from(advbase) * SECOND + u64::from(advskew) * SECOND / 256;
                    let limit = latency * nodes as u64 + if strict { interval } else { 0 };
                    assert!(world.longest_dual(0) <= limit, "{:?}", world.log);
                }
            }
        }
    }
}

/// The first backup is there after its master-down time, and never before three adverts were
/// missed, whatever the phase.
#[test]
fn a_dead_master_is_missed_in_time() {
    let latency = 100_000;
    for (advbase, skews) in [(1, [0, 100, 200]), (0, [20, 40, 60]), (3, [0, 1, 2])] {
        for phase in 0..10 {
            let configs = skews.map(|skew| config(advbase, skew));
            let mut world = World::started(phase, latency, &configs);
            let interval =
                |node: usize| u64::from(advbase) * SECOND + u64::from(skews[node]) * SECOND / 256;
            world.run_for(20 * SECOND);
            assert_eq!(world.masters(), [0]);
            world.run_for(phase * interval(0) / 10);
            let death = world.now;
            world.kill(0);

            let down = 3 * interval(1) + u64::from(skews[1]) * SECOND / 256 + latency;
            let taken = world.run_until(death + 60 * SECOND, |world| world.masters() == [1]);
            let gap = taken.unwrap() - death;
            assert!(gap <= down, "{gap} ns");
            assert!(gap + interval(0) >= 3 * interval(0), "{gap} ns");
            let start = world.now;
            world.run_for(30 * SECOND);
            assert!(world.quiet_since(start), "{:?}", world.log);
        }
    }
}

/// A leaving master is succeeded as soon as its advert has arrived, without preempt; also where
/// the own interval is too long for 255.99 s to look rare.
#[test]
fn a_leaving_master_is_succeeded_at_once() {
    for leave in [
        Event::Stop(Reason::DeviceDown),
        Event::Stop(Reason::ParentDown),
        Event::Request(State::Backup),
    ] {
        for advbase in [0, 1, 86, 255] {
            let configs = [config(advbase, 1), config(advbase, 100)];
            let mut world = World::started(1, MS, &configs);
            world.run_for(1_000 * SECOND);
            assert_eq!(world.masters(), [0]);
            let start = world.now;
            world.event(0, leave);
            world.run_for(MS);
            assert_eq!(world.masters(), [1]);
            assert_eq!(world.longest_dual(start), 0);
            world.run_for(3_000 * SECOND);
            assert!(world.quiet_since(start + MS), "{:?}", world.log);
        }
    }
}

/// Both sides of a partition have a MASTER. When it is mended, the better one is alone after one
/// of its intervals.
#[test]
fn two_masters_are_one_after_an_interval() {
    let latency = MS;
    for (skew_a, skew_b, better) in [(0, 100, 0), (100, 0, 1), (50, 50, 1)] {
        for phase in 0..10 {
            let configs = [config(1, skew_a), config(1, skew_b)];
            let mut world = World::started(phase, latency, &configs);
            world.partition(&[0]);
            world.run_for(10 * SECOND);
            assert_eq!(world.masters(), [0, 1]);
            world.run_for(phase * 100 * MS);
            let announced = world.nodes[better].announced;

            let interval = SECOND + u64::from(skew_a.min(skew_b)) * SECOND / 256;
            let start = world.now;
            world.partition(&[]);
            world.run_for(interval + latency);
            assert_eq!(world.masters(), [better]);
            world.run_for(5 * SECOND);
            assert!(world.longest_dual(start) <= interval + latency);
            assert!(world.quiet_since(start + interval + latency));
            // If it heard the other, it has told the neighbours where the addresses are.
            if world.nodes[better].announced > announced {
                assert_eq!(world.nodes[better].announced, announced + 2);
            }
        }
    }
}

/// The better node returns to its place only with preempt, and then with the first advert it
/// hears.
#[test]
fn preempt_decides_who_is_master_after_a_return() {
    for (better, expected) in [(config(1, 0), 1), (preempting(1, 0), 0)] {
        let mut world = World::started(1, MS, &[better, config(1, 100)]);
        world.run_for(10 * SECOND);
        world.event(0, Event::Stop(Reason::ParentDown));
        world.run_for(10 * SECOND);
        assert_eq!(world.masters(), [1]);

        let start = world.now;
        world.event(0, Event::Start);
        world.run_for(2 * SECOND);
        assert_eq!(world.masters(), [expected]);
        assert!(world.longest_dual(start) <= MS);
        world.run_for(60 * SECOND);
        assert!(world.quiet_since(start + 2 * SECOND));
    }
}

/// The administrator demotes the MASTER: the other takes over at once, without preempt; and gives
/// the place back when it is over, with preempt.
#[test]
fn demotion_moves_the_master_at_once_and_back() {
    let mut world = World::started(1, MS, &[preempting(1, 0), config(1, 100)]);
    world.run_for(10 * SECOND);
    assert_eq!(world.masters(), [0]);

    let demoted = Config {
        demotion: 1,
        ..preempting(1, 0)
    };
    world.event(0, Event::Configure(demoted));
    world.run_for(2 * MS);
    assert_eq!(world.masters(), [1]);

    world.run_for(10 * SECOND);
    world.event(0, Event::Configure(preempting(1, 0)));
    world.run_for(2 * SECOND);
    assert_eq!(world.masters(), [0]);
    assert!(world.longest_dual(0) <= 2 * MS);
}

/// A MASTER that cannot send for a while gives up its place, takes it back when that is over, and
/// keeps it: what the BSDs count up never comes down again on a BACKUP.
#[test]
fn demotion_by_send_errors_heals() {
    let mut world = World::started(1, MS, &[preempting(1, 0), config(1, 100)]);
    world.run_for(10 * SECOND);
    world.nodes[0].sends_fail = true;
    world.run_for(3 * SECOND);
    world.nodes[0].sends_fail = false;
    world.run_for(3 * SECOND);
    assert_eq!(world.masters(), [1]);
    let start = world.now;
    world.run_for(SEND_ERROR_HOLD_NS + 2 * SECOND);
    assert_eq!(world.masters(), [0]);
    assert!(world.longest_dual(start) <= MS);
    let start = world.now;
    world.run_for(100 * SECOND);
    assert!(world.quiet_since(start));
}

/// With the rules of the others on the other side, of equal, better and worse priority and with
/// the higher or the lower address: one MASTER in the end, and it stays.
#[test]
fn one_master_with_every_other_system() {
    for system in [System::OpenBsd, System::FreeBsd, System::Ucarp] {
        for skew in [0, 50, 100] {
            for ours_is_higher in [false, true] {
                for distance in [0, MS / 2, 3 * MS, 700 * MS] {
                    let mut world = World::new(1, MS);
                    let foreign = Foreign::new(system, 1, 50);
                    let (ours, theirs) = if ours_is_higher {
                        let theirs = world.add_foreign(foreign);
                        (world.add(config(1, skew)), theirs)
                    } else {
                        (world.add(config(1, skew)), world.add_foreign(foreign))
                    };
                    // A partition that ends makes two masters in any case.
                    world.partition(&[ours]);
                    world.event(ours, Event::Start);
                    world.run_for(distance);
                    world.start_foreign(theirs);
                    world.run_for(10 * SECOND);
                    assert_eq!(world.masters().len(), 2);
                    let mended = world.now;
                    world.partition(&[]);
                    world.run_for(20 * SECOND);

                    let case = format!("{system:?} {skew} {ours_is_higher} {distance}");
                    assert_eq!(world.masters().len(), 1, "{case}: {:?}", world.log);
                    match skew {
                        0 => assert_eq!(world.masters(), [ours], "{case}"),
                        100 => assert_eq!(world.masters(), [theirs], "{case}"),
                        _ => (),
                    }
                    let limit = if system == System::Ucarp && skew == 50 {
                        4 * SECOND
                    } else {
                        2 * SECOND
                    };
                    assert!(world.longest_dual(mended) <= limit, "{case}");
                    let start = world.now;
                    world.run_for(60 * SECOND);
                    assert!(world.quiet_since(start), "{case}: {:?}", world.log);
                }
            }
        }
    }
}

/// OpenBSD at its shortest intervals, which its timers cannot keep: it is heard each 20 ms,
/// whatever it announces. A BACKUP with an interval near that does not take over between two
/// adverts, but for those that it needs to learn it; and it does when they end, after three of
/// those heard.
#[test]
fn a_master_with_a_slow_clock_is_left_alone() {
    for their_skew in 0..4 {
        for skew in their_skew + 1..=6 {
            for loss_percent in [0, 10] {
                let mut world = World::new(u64::from(skew), MS / 10);
                let mut foreign = Foreign::new(System::OpenBsd, 0, their_skew);
                foreign.tick = 10 * MS;
                let theirs = world.add_foreign(foreign);
                world.start_foreign(theirs);
                world.run_for(SECOND + 3 * MS);
                let ours = world.add(config(0, skew));
                world.event(ours, Event::Start);
                world.run_for(200 * MS);
                let case = format!("{their_skew} {skew}: {:?}", world.log);
                assert_eq!(world.masters(), [theirs], "{case}");
                let changes = world.log.iter().filter(|(_, who)| who.contains(&ours));
                assert!(changes.count() <= 3, "{case}");

                let start = world.now;
                world.loss_percent = loss_percent;
                world.run_for(4 * SECOND);
                assert!(loss_percent > 0 || world.quiet_since(start), "{case}");
                world.loss_percent = 0;
                world.run_for(200 * MS);
                let start = world.now;
                world.kill(theirs);
                let taken = world.run_until(start + SECOND, |world| world.masters() == [ours]);
                let heard_each = [20 * MS, 20 * MS, 20 * MS, 30 * MS][usize::from(their_skew)];
                let own = u64::from(skew) * SECOND / 256;
                let limit = 3 * own.max(heard_each) + own;
                assert!(taken.unwrap() - start <= limit, "{case}");
            }
        }
    }
}

/// Any families lost in any direction, but for one that is heard in each: a silent family makes no
/// second MASTER.
#[test]
fn a_silent_family_makes_no_second_master() {
    for lost in 0..16u8 {
        let is_lost = |bit: u8| (lost >> bit) & 1 != 0;
        for reversed in [false, true] {
            let mut world = World::started(1, MS, &[config(1, 0), config(1, 100)]);
            world.in_both_families(reversed);
            world.run_for(10 * SECOND);
            assert_eq!(world.masters(), [0]);
            let start = world.now;
            world.cut_v4[0][1] = is_lost(0);
            world.cut_v6[0][1] = is_lost(1);
            world.cut_v4[1][0] = is_lost(2);
            world.cut_v6[1][0] = is_lost(3);
            world.run_for(60 * SECOND);
            if is_lost(0) && is_lost(1) {
                assert!(world.masters().contains(&1), "{lost}");
            } else {
                assert!(world.quiet_since(start), "{lost}: {:?}", world.log);
            }
        }
    }
}

/// Equal masters that advertise in both families, with any distance from each other and any
/// families lost in either direction: one is left, within an interval if they hear each other in
/// the same family, and it stays.
#[test]
fn equal_nodes_in_both_families_agree_on_one() {
    let latency = 2 * MS;
    let mut slowest = 0;
    for lost in 0..16u8 {
        let is_lost = |bit: u8| (lost >> bit) & 1 != 0;
        let (a_to_b, b_to_a) = (lost & 3, lost >> 2);
        if a_to_b == 3 || b_to_a == 3 {
            continue;
        }
        for reversed in [false, true] {
            for distance in [0, MS / 2, latency, 3 * MS, 100 * MS, 500 * MS, 999 * MS] {
                for (seed, strict) in (0..20).zip([false, true].into_iter().cycle()) {
                    let equal = Config {
                        strict,
                        ..config(1, 0)
                    };
                    let mut world = World::new(seed, latency);
                    for _ in 0..2 {
                        world.add(equal);
                    }
                    world.in_both_families(reversed);
                    world.partition(&[0]);
                    world.event(0, Event::Start);
                    world.run_for(distance);
                    world.event(1, Event::Start);
                    world.run_for(10 * SECOND);
                    assert_eq!(world.masters(), [0, 1]);
                    world.partition(&[]);
                    world.cut_v4[0][1] = is_lost(0);
                    world.cut_v6[0][1] = is_lost(1);
                    world.cut_v4[1][0] = is_lost(2);
                    world.cut_v6[1][0] = is_lost(3);
                    let mended = world.now;
                    world.run_for(120 * SECOND);
                    let case = format!("{lost:04b} {reversed} {distance} {seed} {strict}");
                    assert_eq!(world.masters().len(), 1, "{case}: {:?}", world.log);
                    let dual = world.longest_dual(mended);
                    let settled = world.log.last().unwrap().0.saturating_sub(mended);
                    slowest = slowest.max(settled);
                    if a_to_b == b_to_a && !strict {
                        let intervals = if is_lost(0) { 2 } else { 1 };
                        assert!(dual <= intervals * SECOND + latency, "{case}: {dual}");
                        // The higher one in the family that decides.
                        let higher = usize::from(!(reversed && is_lost(0)));
                        assert_eq!(world.masters(), [higher], "{case}: {:?}", world.log);
                    }
                    assert!(dual <= 4 * SECOND + latency, "{case}: {:?}", world.log);
                    let start = world.now;
                    world.run_for(60 * SECOND);
                    assert!(world.quiet_since(start), "{case}: {:?}", world.log);
                }
            }
        }
    }
    assert!(slowest <= 30 * SECOND, "{slowest}");
}
