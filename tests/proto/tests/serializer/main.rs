// SPDX-License-Identifier: GPL-2.0
//! The queue of a group: by random sequences beside a plain model, and as a table.

#[path = "../common/mod.rs"]
mod common;
mod model;
mod operation;
mod table;
mod world;

use std::io::Write;
use std::time::Instant;

use world::{Tally, World};

const STEPS: u64 = 1_500_000;

/// Whatever is asked for, in any order of threads, with users that come and go and memory that may
/// lack: what the queue says is what the model says, and in the end all is done.
#[test]
fn it_does_what_the_model_does() {
    let start = Instant::now();
    let mut tallies = Vec::new();
    let mut steps = 0;
    for seed in 0.. {
        let mut world = World::new(seed);
        for _ in 0..10 {
            world.set_pressure();
            (0..2_000).for_each(|_| world.step());
            world.settle();
        }
        steps += world.tally.steps;
        tallies.push(world.tally);
        if steps >= STEPS {
            break;
        }
    }
    let sum = |of: fn(&Tally) -> u64| tallies.iter().map(of).sum::<u64>();
    let counts = [
        ("started", sum(|tally| tally.started)),
        ("folded", sum(|tally| tally.folded)),
        ("along", sum(|tally| tally.along)),
        ("superseded", sum(|tally| tally.superseded)),
        ("parked", sum(|tally| tally.parked)),
        ("at once", sum(|tally| tally.at_once)),
        ("merged", sum(|tally| tally.merged)),
        ("split", sum(|tally| tally.split)),
        ("forgotten", sum(|tally| tally.forgotten)),
        ("without memory", sum(|tally| tally.no_memory)),
    ];
    let longest = tallies.iter().map(|tally| tally.longest).max();
    let took = start.elapsed().as_secs_f64();
    // Past the harness, which shows what is printed of failures only.
    let mut out = std::io::stderr();
    let _ = writeln!(
        out,
        "serializer: {steps} steps in {took:.1} s: {counts:?}, longest {longest:?}"
    );
    for (what, count) in counts {
        assert!(count >= 100, "{what}: only {count} times");
    }
}
