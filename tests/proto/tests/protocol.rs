// SPDX-License-Identifier: GPL-2.0
//! The machine with another protocol than CARP: priorities where the higher one is better and 0
//! leaves, centiseconds, no counter and no digest.

use std::cmp::Ordering;

use carp_proto_tests::proto::demotion::Causes;
use carp_proto_tests::proto::machine::{AdvertKind, Event, Machine, Reason, State};
use carp_proto_tests::proto::protocol::{Heard, Protocol};
use carp_proto_tests::proto::source::{Source, Sources};

const CENTISECOND_NS: u64 = 10_000_000;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Plain;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Advert {
    priority: u8,
    interval_cs: u16,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Config {
    priority: u8,
    interval_cs: u16,
}

impl Protocol for Plain {
    type Advert = Advert;
    type Reject = ();
    type Config = Config;
    type Priority = Config;
    type Tie = ();

    fn new(_random: u64) -> Self {
        Self
    }

    fn set_clock(&mut self, _wall_ms: u64) {}

    fn configure(&mut self, _old: &Config, _new: &Config) {}

    fn demotion(_config: &Config) -> u8 {
        0
    }

    fn priority(config: &Config, causes: Causes) -> Config {
        let skew = causes.weight(0).skew;
        Config {
            priority: config.priority.saturating_sub(skew).max(1),
            ..*config
        }
    }

    fn interval_ns(own: &Config) -> u64 {
        u64::from(own.interval_cs) * CENTISECOND_NS
    }

    fn master_down_ns(own: &Config, masters_ns: u64) -> u64 {
        let interval_ns = match masters_ns {
            0 => Self::interval_ns(own),
            known => known,
        };
        3 * interval_ns + u64::from(u8::MAX - own.priority) * interval_ns / 256
    }

    fn check(&self, _config: &Config, _advert: &Advert) -> Result<(), ()> {
        Ok(())
    }

    fn accept(&mut self, _: &Config, _: u64, _: Source, advert: &Advert) -> Result<u64, ()> {
        Ok(u64::from(advert.interval_cs) * CENTISECOND_NS)
    }

    fn takes_over(_config: &Config, own: &Config, advert: &Advert) -> Option<Reason> {
        match advert.priority {
            0 => Some(Reason::MasterLeaving),
            theirs => (theirs < own.priority).then_some(Reason::Preempt),
        }
    }

    fn compare(own: &Config, advert: &Advert) -> Ordering {
        advert.priority.cmp(&own.priority)
    }

    fn yields_to_equal(&self, _: &mut (), own: &Sources, heard: &Heard<'_, Advert>) -> Option<u64> {
        (heard.from > own.like(heard.from)).then_some(0)
    }

    fn next_advert(&mut self, _: &Config, own: &Config, kind: AdvertKind) -> Advert {
        Advert {
            priority: match kind {
                AdvertKind::Regular => own.priority,
                AdvertKind::Leaving => 0,
            },
            interval_cs: own.interval_cs,
        }
    }
}

const OWN: Sources = Sources {
    v4: Some([192, 0, 2, 2]),
    v6: None,
};

fn hears(machine: &mut Machine<Plain>, last: u8, priority: u8) -> State {
    let advert = Advert {
        priority,
        interval_cs: 10,
    };
    let from = Source::V4([192, 0, 2, last]);
    let _ = machine.advert(0, &OWN, from, &advert).unwrap();
    machine.state()
}

fn backup() -> Machine<Plain> {
    let config = Config {
        priority: 100,
        interval_cs: 20,
    };
    let mut machine = Machine::new(config, 0);
    let _ = machine.event(0, Event::Start);
    machine
}

fn master() -> Machine<Plain> {
    let mut machine = backup();
    let _ = machine.event(0, Event::Request(State::Master));
    machine
}

#[test]
fn the_higher_priority_is_master_and_zero_leaves() {
    assert_eq!(hears(&mut backup(), 9, 101), State::Backup);
    assert_eq!(hears(&mut backup(), 9, 99), State::Master);
    assert_eq!(hears(&mut backup(), 9, 0), State::Master);
    assert_eq!(hears(&mut master(), 9, 101), State::Backup);
    assert_eq!(hears(&mut master(), 9, 99), State::Master);
    assert_eq!(hears(&mut master(), 9, 0), State::Master);
}

#[test]
fn of_two_equal_masters_the_higher_address_stays() {
    assert_eq!(hears(&mut master(), 9, 100), State::Backup);
    assert_eq!(hears(&mut master(), 1, 100), State::Master);
}

#[test]
fn the_times_are_the_protocols() {
    let mut machine = backup();
    let down_ns = |interval_cs| interval_cs * CENTISECOND_NS * (3 * 256 + 155) / 256;
    assert_eq!(machine.deadline_ns(), Some(down_ns(20)));
    hears(&mut machine, 9, 101);
    assert_eq!(machine.deadline_ns(), Some(down_ns(10)), "the master's");
    assert_eq!(master().deadline_ns(), Some(20 * CENTISECOND_NS));
}

#[test]
fn what_it_says_follows_from_the_causes() {
    let mut machine = master();
    assert_eq!(machine.next_advert(0, AdvertKind::Regular).priority, 100);
    let said = machine.event(0, Event::GroupDown(true));
    assert_eq!(said.send, Some(AdvertKind::Regular), "at once");
    assert_eq!(machine.next_advert(0, AdvertKind::Regular).priority, 1);
    let said = machine.event(0, Event::Stop(Reason::DeviceDown));
    assert_eq!(said.send, Some(AdvertKind::Leaving));
    assert_eq!(machine.next_advert(0, AdvertKind::Leaving).priority, 0);
}
