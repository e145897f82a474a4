// SPDX-License-Identifier: GPL-2.0
//! Every event in every state, as it stands in the head of `rust/serializer/queue.rs`. `UPDATE=1
//! cargo test --test serializer` writes it there anew.

use std::fmt::Write;
use std::rc::Rc;
use std::{env, fs};

use carp_proto_tests::serializer::kind::{Census, Kind};
use carp_proto_tests::serializer::operation::{NoMemory, Subject};
use carp_proto_tests::serializer::queue::{
    AtOnce, Due, Fold, Freed, Progress, Queue, Step, Submitted,
};

use crate::operation::{Op, Parent, Stage, MEMORY};

const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../rust/serializer/queue.rs"
);
const START: &str = "//! event  ";
const END: &str = "//! ```\n";

/// With the letter that stands for it.
const STATES: [&str; 8] = [
    "Idle", "Running", "Turn", "Memory", "reClaim", "Quiesce", "rEst", "Parked",
];

/// A queue in some state, and what keeps it there.
struct Case {
    queue: Queue<Op>,
    below: Rc<Parent>,
    asked: usize,
    step: Option<Step<Op>>,
    at_once: Option<AtOnce>,
    fold: Option<Fold<Op>>,
}

impl Case {
    fn new(state: &str) -> Self {
        let mut queue = Queue::new();
        let census = Census {
            parents: 1,
            vhosts: 2,
        };
        queue.promise(census).unwrap();
        let mut case = Self {
            queue,
            below: Rc::default(),
            asked: 0,
            step: None,
            at_once: None,
            fold: None,
        };
        let progress = match state {
            "Idle" => return case,
            "Turn" => Progress::Again,
            "Memory" => Progress::NoMemory,
            "reClaim" => Progress::Reclaim,
            _ => Progress::Quiesce,
        };
        let _ = case.submit(Kind::Vhid, 1);
        let mut step = case.queue.start().unwrap().unwrap();
        step.operation().stage = Stage::Down;
        case.below.users.set(1);
        if state == "Running" {
            case.step = Some(step);
            return case;
        }
        assert!(case.queue.progress(step, progress).is_none());
        if ["rEst", "Parked"].contains(&state) {
            assert!(matches!(case.queue.freed(), Freed::Again));
        }
        if state == "Parked" {
            assert_eq!(case.queue.look(), Due::Park);
        }
        case
    }

    fn submit(&mut self, kind: Kind, vhost: usize) -> &'static str {
        self.asked += 1;
        let op = Op {
            kind,
            subject: Subject {
                parent: 0,
                vhost: Some(vhost),
            },
            joins: None,
            requests: vec![self.asked],
            result: self.asked,
            settings: [None; 2],
            along: Default::default(),
            stage: Stage::First,
            parent: self.below.clone(),
        };
        match self.queue.submit(op) {
            Submitted::Added(_) => "wait",
            Submitted::Fold(fold) => {
                self.fold = Some(fold);
                "fold"
            }
        }
    }

    fn start(&mut self) -> &'static str {
        match self.queue.start() {
            Ok(None) => "-",
            Ok(step) => {
                self.step = step;
                "start"
            }
            Err(NoMemory) => "fail",
        }
    }

    fn progress(&mut self, progress: Progress) -> &'static str {
        let Some(step) = self.step.take() else {
            return "";
        };
        match self.queue.progress(step, progress) {
            Some(_) => "finish",
            None => "",
        }
    }

    fn look(&mut self) -> &'static str {
        match self.queue.look() {
            Due::Nothing => "-",
            Due::Start => "start",
            Due::Step => "step",
            Due::Memory => "memory",
            Due::Free { folds: false } => "free",
            Due::Free { folds: true } => "fold+",
            Due::Park => "park",
            Due::Resume => "resume",
            Due::Again => "again",
        }
    }

    fn freed(&mut self) -> &'static str {
        match self.queue.freed() {
            Freed::Folding => "-",
            Freed::Again => "again",
            Freed::Finish(_) => "finish",
        }
    }

    fn at_once(&mut self) -> &'static str {
        self.at_once = self.queue.at_once(0);
        match self.at_once {
            Some(_) => "own",
            None => "part",
        }
    }

    fn at_once_is_over(&mut self) -> &'static str {
        if self.step.take().is_some() {
            let _ = std::mem::take(self);
            self.at_once();
            self.queue.at_once_is_over(self.at_once.take().unwrap());
        }
        ""
    }

    /// The letter of its state. Asks the queue, which is another one then.
    fn state(mut self) -> char {
        if self.queue.is_idle() {
            return 'I';
        } else if self.queue.is_parked() {
            return 'P';
        } else if self.queue.paused().is_none() {
            return 'R';
        }
        self.below.has_retired.set(false);
        if let Some(fold) = self.fold.take() {
            self.queue.folded(fold);
        }
        match self.queue.look() {
            Due::Step => 'T',
            Due::Memory => 'M',
            Due::Park | Due::Again => 'E',
            Due::Free { .. } if matches!(self.queue.freed(), Freed::Finish(_)) => 'C',
            _ => 'Q',
        }
    }
}

impl Default for Case {
    fn default() -> Self {
        Self::new("Idle")
    }
}

type Event = (&'static str, fn(&mut Case) -> &'static str);

#[rustfmt::skip]
const EVENTS: &[Event] = &[
    ("submit", |case| case.submit(Kind::Vhid, 2)),
    ("submit, it folds", |case| case.submit(Kind::State, 2)),
    ("submit, it folds, one waits", |case| {
        let _ = case.submit(Kind::Vhid, 2);
        case.submit(Kind::State, 2)
    }),
    ("start, none waits", |case| case.start()),
    ("start, one waits", |case| {
        let _ = case.submit(Kind::Vhid, 2);
        case.start()
    }),
    ("start, no memory for two", |case| {
        let _ = (case.submit(Kind::Vhid, 1), case.submit(Kind::Vhid, 2));
        MEMORY.set(false);
        let result = case.start();
        MEMORY.set(true);
        result
    }),
    ("step", |case| match case.queue.step() {
        Some(_) => "run",
        None => "-",
    }),
    ("step over: finished", |case| case.progress(Progress::Finished)),
    ("step over: again", |case| case.progress(Progress::Again)),
    ("step over: no memory", |case| case.progress(Progress::NoMemory)),
    ("step over: reclaim", |case| case.progress(Progress::Reclaim)),
    ("step over: quiesce", |case| case.progress(Progress::Quiesce)),
    ("at once", |case| case.at_once()),
    ("at once, over", |case| case.at_once_is_over()),
    ("look", |case| case.look()),
    ("look, one waits", |case| {
        let _ = case.submit(Kind::Vhid, 2);
        case.look()
    }),
    ("look, what waits folds", |case| {
        let _ = case.submit(Kind::Vhid, 2);
        let _ = case.submit(Kind::State, 2);
        case.queue.take(|op| op.kind == Kind::Vhid);
        case.look()
    }),
    ("look, at rest", |case| {
        case.below.users.set(0);
        case.look()
    }),
    ("fold next, none folds", |case| {
        let _ = case.submit(Kind::Vhid, 2);
        case.queue.fold_next().map_or("-", |_| "fold")
    }),
    ("fold next, one folds", |case| {
        let _ = case.submit(Kind::Vhid, 2);
        let _ = case.submit(Kind::State, 2);
        case.queue.take(|op| op.kind == Kind::Vhid);
        case.fold = case.queue.fold_next();
        case.fold.as_ref().map_or("-", |_| "fold")
    }),
    ("freed", |case| case.freed()),
    ("freed, more is replaced", |case| {
        case.below.has_retired.set(true);
        case.freed()
    }),
    ("freed, one is being folded", |case| {
        if case.submit(Kind::State, 2) == "fold" {
            case.freed()
        } else {
            ""
        }
    }),
];

fn table() -> String {
    let mut table = format!("{START:<33}");
    for state in STATES {
        write!(table, "{state:<9}").unwrap();
    }
    for (event, apply) in EVENTS {
        table.truncate(table.trim_end().len());
        write!(table, "\n//! {event:<29}").unwrap();
        for state in STATES {
            let letter = state.chars().find(char::is_ascii_uppercase).unwrap();
            let mut case = Case::new(state);
            let decision = apply(&mut case);
            let after = case.state();
            let change = if after == letter {
                String::new()
            } else {
                format!(" {after}")
            };
            write!(table, "{:<9}", format!("{decision}{change}").trim_start()).unwrap();
        }
    }
    table.truncate(table.trim_end().len());
    table + "\n"
}

#[test]
fn every_event_in_every_state() {
    let table = table();
    let file = fs::read_to_string(FILE).unwrap();
    let start = file.find(START).expect("the head has a table");
    let end = start + file[start..].find(END).expect("the table has an end");
    if env::var_os("UPDATE").is_some() {
        let file = [&file[..start], &table, &file[end..]].concat();
        fs::write(FILE, file).unwrap();
        return;
    }
    assert!(
        table == file[start..end],
        "the head of {FILE} is not:\n{table}"
    );
}
