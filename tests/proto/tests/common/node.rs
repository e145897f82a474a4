// SPDX-License-Identifier: GPL-2.0
//! One node, 192.0.2.2, and what it hears.

use carp_proto_tests::proto::carp::advert::Sources;
use carp_proto_tests::proto::carp::Machine;
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::machine::{Actions, AdvertKind, Change, Event, Reason, State};

use super::{v4, Advert};

pub const OWN: Sources = Sources {
    v4: Some([192, 0, 2, 2]),
    v6: None,
};
/// Without an address of its own.
pub const NONE: Sources = Sources { v4: None, v6: None };

pub fn backup(config: Config) -> Machine {
    let mut machine = Machine::new(config, 1_000);
    assert_eq!(machine.state(), State::Init);
    let actions = machine.event(0, Event::Start);
    assert_eq!(machine.state(), State::Backup);
    assert_eq!(actions.send, None);
    machine
}

/// A MASTER since `now`; its first advert is sent.
pub fn master(config: Config) -> (Machine, u64) {
    let mut machine = backup(config);
    let now = machine.deadline_ns().unwrap();
    assert_eq!(machine.timeout(now), became_master(Reason::MasterTimeout));
    machine.next_advert(now, AdvertKind::Regular);
    (machine, now)
}

pub fn became_master(reason: Reason) -> Actions {
    Actions {
        changed: Some(Change {
            from: State::Backup,
            to: State::Master,
            reason,
        }),
        send: Some(AdvertKind::Regular),
        announce: true,
    }
}

pub fn peer(advbase: u8, advskew: u8) -> Advert {
    Advert {
        vhid: 1,
        advskew,
        demote: 0,
        advbase,
        counter: 0x7777_0000,
        digest: [0; 20],
    }
}

pub fn hear(machine: &mut Machine, now: u64, from: u8, advert: &Advert) -> Actions {
    machine.advert(now, &OWN, v4(from), advert).unwrap()
}
