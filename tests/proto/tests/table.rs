// SPDX-License-Identifier: GPL-2.0
//! Every input in every state, as a table under review: `table.txt`. `UPDATE=1 cargo test --test
//! table` writes it anew; a change of it is a change of the protocol.

mod common;

use std::fmt::Write;
use std::{env, fs};

use carp_proto_tests::proto::carp::advert::{Advert, Reject, Source};
use carp_proto_tests::proto::carp::Machine;
use carp_proto_tests::proto::config::Config;
use carp_proto_tests::proto::machine::{Actions, AdvertKind, Event, Reason, State};
use common::node::OWN;
use common::{config, v4, MS, SECOND};

const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/table.txt");
const HEAD: &str = "\
# What each input does in each state: node 192.0.2.2, advbase 1, advskew 100, so an interval of
# 1391 ms and a master-down time of 4562 ms. Written by tests/table.rs.
#
# state: \"backup of .9\" has heard it announce 1000 ms, \"late\" had a late timer before.
# result: the state afterwards and the reason, if it changed; what is to be sent; whether to
# announce; the deadline, if it was set anew, from now on.
";

type Outcome = Result<Actions, Reject>;
type Input = (&'static str, fn(&mut Machine, u64) -> Outcome);

fn own(preempt: bool) -> Config {
    Config {
        preempt,
        ..config(1, 100)
    }
}

fn changed(machine: &mut Machine, now: u64, change: fn(&mut Config)) -> Outcome {
    let mut config = *machine.config();
    change(&mut config);
    Ok(machine.event(now, Event::Configure(config)))
}

fn timeout(machine: &mut Machine, after: i64) -> Outcome {
    let deadline = machine.deadline_ns().unwrap_or(20 * SECOND);
    Ok(machine.timeout(deadline.saturating_add_signed(after)))
}

fn heard(machine: &mut Machine, now: u64, from: u8, change: fn(&mut Advert)) -> Outcome {
    let mut advert = Advert {
        vhid: 1,
        advskew: 100,
        demote: 0,
        advbase: 1,
        counter: 0x7777_0000,
        digest: [0; 20],
    };
    change(&mut advert);
    machine.advert(now, &OWN, v4(from), &advert)
}

#[rustfmt::skip]
const INPUTS: &[Input] = &[
    ("start", |m, now| Ok(m.event(now, Event::Start))),
    ("stop: device down", |m, now| Ok(m.event(now, Event::Stop(Reason::DeviceDown)))),
    ("stop: parent down", |m, now| Ok(m.event(now, Event::Stop(Reason::ParentDown)))),
    ("stop: no address", |m, now| Ok(m.event(now, Event::Stop(Reason::NoAddress)))),
    ("stop: requested (no such reason)", |m, now| Ok(m.event(now, Event::Stop(Reason::Requested)))),
    ("stop: at rest", |m, now| Ok(m.event(now, Event::Stop(Reason::AtRest)))),
    ("resume", |m, now| Ok(m.event(now, Event::Resume))),
    ("request init", |m, now| Ok(m.event(now, Event::Request(State::Init)))),
    ("request backup", |m, now| Ok(m.event(now, Event::Request(State::Backup)))),
    ("request master", |m, now| Ok(m.event(now, Event::Request(State::Master)))),
    ("configure: nothing new", |m, now| changed(m, now, |_| ())),
    ("configure: preempt switched", |m, now| changed(m, now, |c| c.preempt ^= true)),
    ("configure: advskew 0", |m, now| changed(m, now, |c| c.advskew = 0)),
    ("configure: advskew 200", |m, now| changed(m, now, |c| c.advskew = 200)),
    ("configure: demotion 1", |m, now| changed(m, now, |c| c.demotion = 1)),
    ("send failed", |m, now| Ok(m.event(now, Event::SendFailed))),
    ("send failed, the third time", |m, now| {
        let _ = m.event(now, Event::SendFailed);
        let _ = m.event(now, Event::SendFailed);
        Ok(m.event(now, Event::SendFailed))
    }),
    ("group down", |m, now| Ok(m.event(now, Event::GroupDown(true)))),
    ("group works", |m, now| Ok(m.event(now, Event::GroupDown(false)))),
    ("signed anew", |m, now| Ok(m.event(now, Event::SignedAnew))),
    ("notify peers", |m, now| Ok(m.event(now, Event::NotifyPeers))),
    ("deaf", |m, now| Ok(m.event(now, Event::Deaf))),
    ("send ok", |m, now| Ok(m.event(now, Event::SendOk))),
    ("timeout, early", |m, _| timeout(m, -1)),
    ("timeout", |m, _| timeout(m, 0)),
    ("timeout, a second late", |m, _| timeout(m, SECOND as i64)),
    ("timeout, two seconds late", |m, _| timeout(m, 2 * SECOND as i64)),
    ("advert: better", |m, now| heard(m, now, 9, |a| a.advskew = 0)),
    ("advert: equal, higher source", |m, now| heard(m, now, 9, |_| ())),
    ("advert: equal, lower source", |m, now| heard(m, now, 1, |_| ())),
    ("advert: equal, same source", |m, now| heard(m, now, 2, |_| ())),
    ("advert: worse", |m, now| heard(m, now, 9, |a| a.advskew = 200)),
    ("advert: much rarer", |m, now| heard(m, now, 9, |a| a.advbase = 5)),
    ("advert: better, but demoted", |m, now| heard(m, now, 9, |a| (a.advskew, a.demote) = (0, 1))),
    ("advert: leaving", |m, now| heard(m, now, 9, |a| (a.advbase, a.advskew) = (255, 255))),
    ("advert: own one", |m, now| {
        let advert = m.next_advert(now, AdvertKind::Regular);
        m.advert(now, &OWN, v4(2), &advert)
    }),
    ("advert: other vhid", |m, now| heard(m, now, 9, |a| a.vhid = 2)),
];

/// The states, each with a machine in it, `now` for the input.
fn states(preempt: bool) -> Vec<(&'static str, Machine, u64)> {
    let init = Machine::new(own(preempt), 1_000);
    let mut backup = init;
    let _ = backup.event(0, Event::Start);
    let mut backup_of = backup;
    let _ = heard(&mut backup_of, 2 * SECOND, 9, |advert| advert.advskew = 0);
    let mut late = backup;
    let _ = late.timeout(10 * SECOND);
    let mut master = backup;
    let _ = timeout(&mut master, 0);
    let mut old_master = master;
    for _ in 0..3 {
        let _ = timeout(&mut old_master, 0);
    }
    let soon = |machine: &Machine| machine.deadline_ns().unwrap() - 500 * MS;
    vec![
        ("init", init, SECOND),
        ("backup", backup, soon(&backup)),
        ("backup of .9", backup_of, soon(&backup_of)),
        ("backup, late", late, soon(&late)),
        ("master, new", master, soon(&master)),
        ("master", old_master, soon(&old_master)),
    ]
}

fn describe(before: &Machine, after: &Machine, outcome: Outcome) -> String {
    let actions = match outcome {
        Ok(actions) => actions,
        Err(reject) => {
            assert!(before.deadline_ns() == after.deadline_ns());
            return format!("rejected: {reject:?}");
        }
    };
    let mut text = match actions.changed {
        Some(change) => format!("{:?} ({:?})", change.to, change.reason),
        None => "-".into(),
    };
    if let Some(kind) = actions.send {
        write!(text, ", send {kind:?}").unwrap();
    }
    if actions.announce {
        text.push_str(", announce");
    }
    if after.late_timers() != before.late_timers() {
        text.push_str(", count late timer");
    }
    match (after.master(), before.master()) {
        (Some(Source::V4([.., last])), before) if before != after.master() => {
            write!(text, ", master .{last}").unwrap();
        }
        (None, Some(_)) => text.push_str(", master unknown"),
        _ => (),
    }
    text
}

fn table() -> String {
    let mut table = String::from(HEAD);
    for preempt in [false, true] {
        for (name, before, now) in states(preempt) {
            let preempt = if preempt { "on" } else { "off" };
            write!(table, "\n## {name}, preempt {preempt}\n\n").unwrap();
            for (input, apply) in INPUTS {
                let mut machine = before;
                let outcome = apply(&mut machine, now);
                let mut result = describe(&before, &machine, outcome);
                let now = if input.starts_with("timeout") {
                    let late = match *input {
                        "timeout, a second late" => SECOND,
                        "timeout, two seconds late" => 2 * SECOND,
                        _ => 0,
                    };
                    before.deadline_ns().unwrap_or(0) + late
                } else {
                    now
                };
                match machine.deadline_ns() {
                    deadline if deadline == before.deadline_ns() => (),
                    Some(at) => write!(result, ", timer {} ms", (at - now) / MS).unwrap(),
                    None => result.push_str(", no timer"),
                }
                writeln!(table, "{input:<34} {result}").unwrap();
            }
        }
    }
    table
}

#[test]
fn every_input_in_every_state() {
    let table = table();
    if env::var_os("UPDATE").is_some() {
        fs::write(FILE, &table).unwrap();
    }
    let expected = fs::read_to_string(FILE).unwrap_or_default();
    for (number, (got, expected)) in table.lines().zip(expected.lines()).enumerate() {
        assert_eq!(got, expected, "line {} of {FILE}", number + 1);
    }
    assert!(table == expected, "{FILE} is not as long");
}
