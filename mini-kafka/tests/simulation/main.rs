//! The cores of mini-kafka -- logs, the group coordinator -- with producers and consumers in the simulator: thousands of lives of a
//! broker, each from one seed.
//!
//! ```text
//! cargo test -p mini-kafka --test simulation                     200 seeds, and the tests of the invariants
//! cargo test -p mini-kafka --test simulation -- seeds 5000       any other number of seeds
//! cargo test -p mini-kafka --test simulation -- replay 0x5eed    one seed again, with its trace
//! ```
//!
//! Adapters turn messages and timers into calls of the cores, as `server/` does with sockets and threads. What must hold is in
//! `invariants`; what clients were promised is in `history`. A bug that a seed finds gets a test of its own in `tests/log` or
//! `tests/groups`, since a seed means another run as soon as anything here draws once more.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod broker;
mod cluster;
mod consumer;
mod history;
mod invariants;
mod onlooker;
mod producer;
mod wire;

use cluster::Cluster;
use sim::Trace;

#[test]
fn seeds() {
    let count = sim::number_after("seeds").unwrap_or(200);
    let cluster = Cluster::default();
    if let Err(failure) = sim::run_seeds(&cluster, 0..count) {
        panic!("{failure}");
    }
    // Else all that the invariants say would hold of nothing.
    let counts = cluster.counts.lock().unwrap();
    println!("{counts:?}");
    for what in [
        "assignments",
        "bits flipped",
        "commits loaded",
        "compactions",
        "duplicates answered",
        "epochs bumped",
        "reads taken back",
        "records deleted",
        "restarts",
        "syncs failed",
        "tails recovered",
        "tombstones removed",
    ] {
        assert!(count < 200 || counts.contains_key(what), "not once: {what}");
    }
}

/// Replays the seed that the command line names, and says where its trace is.
#[test]
fn replay() {
    let Some(seed) = sim::number_after("replay") else {
        return println!("no seed was given: -- replay 0x5eed");
    };
    match sim::replay(&Cluster::default(), seed) {
        Ok(trace) => println!("it passes; trace: {}", trace.display()),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn two_runs_of_one_seed_have_the_same_trace() {
    let trace = |seed| {
        let trace = Trace::on();
        // Whether it passes is not the question here.
        let _ = sim::run(&Cluster::default(), seed, &trace);
        trace.to_json_lines()
    };
    for seed in 0..3 {
        assert!(trace(seed) == trace(seed), "seed {seed} gives two traces");
    }
    assert!(trace(1) != trace(2));
}
