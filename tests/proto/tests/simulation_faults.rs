// SPDX-License-Identifier: GPL-2.0
//! Several nodes among faults: hosts that stand still or are set back, losses, and any at once.

mod common;

use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::demotion::SEND_ERROR_HOLD_NS;
use carp_proto_tests::proto::machine::{Event, Reason, State};
use common::world::World;
use common::{config, MS, SECOND};

/// The host of a BACKUP stands still for longer than its master-down time, and its timer is first
/// when it goes on. It must not take over: the adverts are waiting.
#[test]
fn a_backup_that_stood_still_does_not_take_over() {
    for stall in [5 * SECOND, 60 * SECOND] {
        let mut world = World::started(1, MS, &[config(1, 0), config(1, 100)]);
        world.run_for(10 * SECOND);
        let start = world.now;
        world.nodes[1].stalled_until = start + stall;
        world.run_for(stall + 30 * SECOND);
        assert!(world.quiet_since(start), "{:?}", world.log);
        assert_eq!(world.machine(1).late_timers(), 1);
    }
}

/// If the master is gone when the host of a BACKUP goes on, it costs one interval and no more.
#[test]
fn a_backup_that_stood_still_takes_over_an_interval_later() {
    let mut world = World::started(1, MS, &[config(1, 0), config(1, 100)]);
    world.run_for(10 * SECOND + 500 * MS);
    let end = world.now + 20 * SECOND;
    world.kill(0);
    world.nodes[1].stalled_until = end;
    let taken = world.run_until(end + 60 * SECOND, |world| world.masters() == [1]);
    assert_eq!(taken, Some(end + SECOND + 100 * SECOND / 256));
}

/// A MASTER whose host stood still finds that another one took over, and one of them is left.
#[test]
fn a_master_that_stood_still_does_not_stay_second() {
    for (skew, other_skew, expected) in [(0, 100, 0), (50, 50, 1)] {
        let mut world = World::started(1, MS, &[config(1, skew), config(1, other_skew)]);
        world.run_for(MS);
        world.event(1, Event::Stop(Reason::DeviceDown));
        world.run_for(10 * SECOND);
        world.event(1, Event::Start);
        world.run_for(10 * SECOND);
        assert_eq!(world.masters(), [0]);
        let end = world.now + 20 * SECOND;
        world.nodes[0].stalled_until = end;
        world.run_for(20 * SECOND);
        assert_eq!(world.masters(), [0, 1]);
        world.run_for(2 * SECOND);
        assert_eq!(world.masters(), [expected]);
        assert!(world.longest_dual(end) <= 2 * SECOND);
    }
}

/// Between two of ours an interval that is observed never counts, however many adverts are lost: a
/// BACKUP takes over when three of those announced have been missed since the last one it heard.
#[test]
fn losses_do_not_slow_a_take_over() {
    for seed in 0..200 {
        let mut rng = common::Rng::new(seed);
        let (advbase, skews) = [(1, [0, 100]), (0, [1, 3]), (0, [20, 40])][seed as usize % 3];
        let mut world = World::started(seed, MS / 10, &skews.map(|skew| config(advbase, skew)));
        world.run_for(10 * SECOND);
        assert_eq!(world.masters().len(), 1);
        let backup = 1 - world.masters()[0];
        world.loss_percent = [10, 30, 50][rng.below(3) as usize];
        for _ in 0..30 {
            world.run_for(rng.below(300) * MS);
            let machine = world.machine(backup);
            let Some(deadline) = machine.deadline_ns() else {
                break;
            };
            if machine.state() != State::Backup {
                break;
            }
            let interval = |skew: u8| u64::from(advbase) * SECOND + u64::from(skew) * SECOND / 256;
            let slower = interval(skews[0]).max(interval(skews[1]));
            let down = 3 * slower + u64::from(skews[backup]) * SECOND / 256;
            assert!(deadline <= world.now + down, "seed {seed}");
        }
    }
}

/// A MASTER is set back to the state that it had a minute ago, and so is its clock for a while: its
/// peers know its adverts for old ones, but it hears them, and goes on from there.
#[test]
fn a_node_that_is_set_back_is_heard_again() {
    for strict in [false, true] {
        for (skew, clock_ahead_ms) in [(0, 0), (0, -70_000), (100, 0), (100, -70_000)] {
            let own = Config {
                strict,
                ..config(1, skew)
            };
            let peer = Config {
                strict,
                ..config(1, 50)
            };
            let mut world = World::started(1, MS, &[own]);
            world.run_for(10 * SECOND);
            let node = world.add(peer);
            world.event(node, Event::Start);
            world.run_for(10 * SECOND);
            let earlier = *world.machine(0);
            world.run_for(60 * SECOND);
            world.event(0, Event::Request(State::Master));
            world.nodes[0].clock_ahead_ms = clock_ahead_ms;
            world.set_back(0, earlier);
            let start = world.now;
            world.run_for(20 * SECOND);
            assert_eq!(world.masters().len(), 1, "{strict} {skew}");
            assert!(world.longest_dual(start) <= 3 * SECOND, "{:?}", world.log);
            let start = world.now;
            world.run_for(60 * SECOND);
            assert!(world.quiet_since(start), "{:?}", world.log);
        }
    }
}

/// Any faults for a minute: losses, partitions, deaths, standstills, requests, wrong clocks, hosts
/// that are set back. When they end, the best node is the only MASTER within its master-down time,
/// and stays.
#[test]
fn it_settles_after_any_faults() {
    for seed in 0..400 {
        let mut rng = common::Rng::new(seed);
        let nodes = 2 + rng.below(3) as usize;
        let base = [0, 1, 1, 2][rng.below(4) as usize];
        let strict = rng.chance(30);
        let configs: Vec<Config> = (0..nodes)
            .map(|_| Config {
                preempt: rng.chance(50),
                strict,
                // Few values, so that some are equal.
                ..config(base, 20 * (1 + rng.below(3) as u8))
            })
            .collect();
        let latency = rng.below(4) * MS;
        let mut world = World::started(seed, latency, &configs);
        match rng.below(3) {
            0 => (),
            order => world.in_both_families(order == 2),
        }
        world.loss_percent = [0, 5, 40][rng.below(3) as usize];
        for node in 0..nodes {
            world.nodes[node].clock_ahead_ms = [0, 0, 7, -100_000][rng.below(4) as usize];
        }
        let mut earlier = *world.machine(0);
        for _ in 0..60 {
            world.run_for(rng.below(2_000) * MS);
            let node = rng.below(nodes as u64) as usize;
            match rng.below(9) {
                7 => earlier = *world.machine(0),
                8 => world.set_back(0, earlier),
                0 => world.partition(&[node]),
                1 => world.partition(&[]),
                2 => world.event(node, Event::Stop(Reason::ParentDown)),
                3 => world.event(node, Event::Start),
                4 => world.nodes[node].stalled_until = world.now + rng.below(10) * SECOND,
                5 => world.nodes[node].sends_fail ^= true,
                _ => world.event(node, Event::Request(State::Master)),
            }
        }
        world.loss_percent = 0;
        world.partition(&[]);
        for node in 0..nodes {
            world.nodes[node].sends_fail = false;
            world.event(node, Event::Start);
        }
        world.run_for(SEND_ERROR_HOLD_NS + 30 * SECOND);
        let masters = world.masters();
        assert_eq!(masters.len(), 1, "seed {seed}: {masters:?}");
        let best = configs.iter().map(|config| config.advskew).min().unwrap();
        if configs.iter().all(|config| config.preempt) {
            assert_eq!(configs[masters[0]].advskew, best, "seed {seed}");
        }
        let start = world.now;
        world.run_for(60 * SECOND);
        assert!(world.quiet_since(start), "seed {seed}: {:?}", world.log);
    }
}
