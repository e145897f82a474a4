// SPDX-License-Identifier: GPL-2.0
//! The formulas, by known values and by what must hold for all.

mod common;

use carp_proto_tests::proto::carp::priority::Priority;
use carp_proto_tests::proto::carp::Machine;
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::demotion::{Cause, Causes, SendErrors, Weight, SEND_ERROR_HOLD_NS};
use carp_proto_tests::proto::machine::Event;
use carp_proto_tests::proto::timers::{interval_ns, master_down_ns};
use common::SECOND;

/// Against the table of research/bsd-carp.md §2.2 (its master-down values are 3 intervals).
#[test]
fn known_values() {
    for (advbase, advskew, interval) in [
        (1, 0, 1_000_000_000),
        (1, 100, 1_390_625_000),
        (1, 240, 1_937_500_000),
        (1, 254, 1_992_187_500),
        (0, 0, 3_906_250),
        (0, 1, 3_906_250),
        (0, 20, 78_125_000),
        (0, 100, 390_625_000),
        (255, 255, 255_996_093_750),
    ] {
        assert_eq!(interval_ns(advbase, advskew), interval);
    }
    assert_eq!(master_down_ns(SECOND, 0, 0), 3 * SECOND);
    assert_eq!(
        master_down_ns(1_390_625_000, SECOND, 100),
        4_171_875_000 + 390_625_000
    );
    assert_eq!(master_down_ns(SECOND, 2 * SECOND, 0), 6 * SECOND);
}

#[test]
fn intervals_grow_with_what_is_configured() {
    let all = (0..=255).flat_map(|base| (0..=255).map(move |skew| (base, skew)));
    let mut previous = 0;
    for (base, skew) in all {
        let interval = interval_ns(base, skew);
        // 0/0 and 0/1 are the same shortest interval.
        assert!(interval > previous || (base, skew) == (0, 1));
        // Never before three of its own adverts are missed, nor three of the master's.
        let down = master_down_ns(interval, 0, skew);
        assert!(down >= 3 * interval);
        assert!(master_down_ns(interval, interval + 1, skew) > down);
        assert_eq!(master_down_ns(interval, interval, skew), down);
        previous = interval;
    }
    assert!(master_down_ns(u64::MAX, 1, 255) == u64::MAX, "saturates");
}

#[test]
fn demotion_is_told_in_both_ways() {
    let own = |advskew, demotion, errors| {
        let config = Config {
            advskew,
            demotion,
            ..Config::new(1)
        };
        let causes = Causes::default()
            .with(Cause::Administrator, demotion > 0)
            .with(Cause::SendErrors, errors);
        let priority = Priority::own(&config, causes);
        (priority.demote, priority.advskew)
    };
    assert_eq!(own(0, 0, false), (0, 0));
    assert_eq!(own(100, 7, false), (7, 107));
    assert_eq!(own(100, 140, false), (140, 240));
    assert_eq!(own(100, 240, false), (240, 240));
    assert_eq!(own(250, 240, false), (240, 250), "never lowered");
    assert_eq!(own(0, 0, true), (1, 240));
    assert_eq!(own(250, 0, true), (1, 250));
    assert_eq!(own(0, 240, true), (241, 240));
}

#[test]
fn demotion_never_makes_a_node_better() {
    for advskew in 0..=254 {
        let mut previous = (0, 0);
        for demotion in 0..=240 {
            let config = Config {
                advskew,
                demotion,
                ..Config::new(1)
            };
            let none = Causes::default().with(Cause::Administrator, true);
            let rank = |causes| Priority::own(&config, causes).rank();
            assert!(rank(none) > previous);
            for cause in [Cause::SendErrors, Cause::Group] {
                assert!(rank(none.with(cause, true)) > rank(none));
                assert!(rank(all_causes()) > rank(all_causes().with(cause, false)));
            }
            previous = rank(none);
        }
    }
}

fn all_causes() -> Causes {
    let with = |causes: Causes, cause| causes.with(cause, true);
    Cause::ALL.into_iter().fold(Causes::default(), with)
}

/// In every order, and told of as often as one likes.
#[test]
fn causes_are_a_set() {
    assert_eq!(all_causes().mask(), 0b111, "the numbers of enum carp_cause");
    for cause in Cause::ALL {
        let others = all_causes().with(cause, false);
        assert!(all_causes().hold(cause) && !others.hold(cause));
        assert_eq!(others.with(cause, true).with(cause, true), all_causes());
        assert_eq!(others.with(cause, false), others);
        assert_eq!(others.mask().count_ones(), 2);
    }
    let weight = |cause| Causes::default().with(cause, true).weight(7);
    assert_eq!(weight(Cause::Administrator), Weight { count: 7, skew: 7 });
    for cause in [Cause::SendErrors, Cause::Group] {
        let (count, skew) = (1, 240);
        assert_eq!(weight(cause), Weight { count, skew });
    }
    assert_eq!(Causes::default().weight(240), Weight::default());
    assert_eq!(
        all_causes().weight(255),
        Weight {
            count: 255,
            skew: 255
        }
    );
}

#[test]
fn a_machine_tells_its_causes() {
    let mut machine = Machine::new(Config::new(1), 0);
    assert_eq!(machine.causes(0), Causes::default());
    let _ = machine.event(0, Event::GroupDown(true));
    let _ = machine.event(0, Event::GroupDown(true));
    for _ in 0..3 {
        let _ = machine.event(0, Event::SendFailed);
    }
    let config = Config {
        demotion: 1,
        ..Config::new(1)
    };
    let _ = machine.event(0, Event::Configure(config));
    assert_eq!(machine.causes(0), all_causes());
    let _ = machine.event(0, Event::Configure(Config::new(1)));
    let _ = machine.event(0, Event::GroupDown(false));
    let only = Causes::default().with(Cause::SendErrors, true);
    assert_eq!(machine.causes(SEND_ERROR_HOLD_NS - 1), only);
    assert_eq!(machine.causes(SEND_ERROR_HOLD_NS), Causes::default());
}

#[test]
fn send_errors_count_from_the_third_in_a_row_and_heal() {
    let mut errors = SendErrors::default();
    errors.failed(10);
    errors.failed(20);
    assert!(!errors.hold(20));
    errors.succeeded();
    errors.failed(30);
    errors.failed(40);
    assert!(!errors.hold(40), "not in a row");
    errors.failed(50);
    assert!(errors.hold(50));
    assert_eq!(SEND_ERROR_HOLD_NS, 30 * SECOND);
    assert!(errors.hold(50 + SEND_ERROR_HOLD_NS - 1));
    assert!(!errors.hold(50 + SEND_ERROR_HOLD_NS), "heals by itself");

    errors.failed(60);
    errors.succeeded();
    assert!(
        errors.hold(60 + SEND_ERROR_HOLD_NS - 1),
        "from the last one"
    );
    errors.failed(u64::MAX);
    assert!(!errors.hold(60 + SEND_ERROR_HOLD_NS));
}
