// SPDX-License-Identifier: GPL-2.0
//! A MASTER that remains one: what is below it changes.

mod common;

use carp_proto_tests::proto::carp::Machine;
use carp_proto_tests::proto::machine::{Actions, AdvertKind, Event, Reason, State};
use common::node::{backup, hear, master, peer};
use common::{config, SECOND};

/// The wire below it has changed: it says so at once and in full, as one that has just become
/// MASTER, and its interval begins anew.
#[test]
fn a_master_that_notifies_its_peers() {
    let (mut machine, start) = master(config(1, 0));
    for second in 1..5 {
        let _ = machine.timeout(start + second * SECOND);
    }
    let now = start + 4 * SECOND + SECOND / 2;
    let actions = machine.event(now, Event::NotifyPeers);
    assert_eq!(actions.send, Some(AdvertKind::Regular));
    assert!(actions.announce && actions.changed.is_none());
    assert!(!hear(&mut machine.clone(), now + SECOND - 1, 9, &peer(1, 1)).announce);
    let announced: Vec<bool> = (1..5)
        .map(|second| {
            assert_eq!(machine.deadline_ns(), Some(now + second * SECOND));
            machine.timeout(now + second * SECOND).announce
        })
        .collect();
    assert_eq!(announced, [false, true, false, false]);
    let mut backup = backup(config(1, 0));
    let before = backup;
    assert_eq!(backup.event(1, Event::NotifyPeers), Actions::default());
    assert_eq!(backup, before);
}

/// What is below a pair changes: nobody is told, and the MASTER goes on as one.
#[test]
fn a_master_comes_back_from_rest() {
    for advbase in [0, 1, 255] {
        let mut machine = Machine::new(config(advbase, 1), 7);
        let _ = machine.event(0, Event::Start);
        assert_eq!(
            machine.event(1, Event::Resume),
            Actions::default(),
            "only from INIT"
        );
        let _ = machine.event(1, Event::Request(State::Master));
        let rest = machine.event(2, Event::Stop(Reason::AtRest));
        assert_eq!((rest.send, rest.announce), (None, false));
        assert_eq!(
            (machine.state(), machine.deadline_ns()),
            (State::Init, None)
        );
        let resumed = machine.event(3, Event::Resume);
        assert_eq!(machine.state(), State::Master);
        assert_eq!(
            (resumed.send, resumed.announce),
            (Some(AdvertKind::Regular), true)
        );
        assert!(machine.deadline_ns().is_some());
    }
}
