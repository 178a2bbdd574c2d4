//! The cores of mini-mapreduce -- coordinator, workers, shuffles -- in the simulator: thousands of lives of a cluster, each from one seed.
//!
//! ```text
//! cargo test -p mini-mapreduce --test simulation                     200 seeds, and the tests of the invariants
//! cargo test -p mini-mapreduce --test simulation -- seeds 5000       any other number of seeds
//! cargo test -p mini-mapreduce --test simulation -- replay 0x5eed    one seed again, with its trace
//! ```
//!
//! Tasks count words, so a few lines say what the output must be ([`text`]). Workers crash, stop, are cut off, are twenty times slower than others, send
//! heartbeats while nothing moves, and serve damaged bytes; disks are full; the coordinator crashes at any call of its disk, and in the middle of a commit, which may fail too. A bug that a
//! seed finds gets a test of its own in `tests/coordinator/`, since a seed means another run as soon as anything here draws once more.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod client;
mod cluster;
mod coordinator;
mod history;
mod invariants;
mod text;
mod wire;
mod worker;

use cluster::{Cluster, Faults};
use sim::Trace;

#[test]
fn seeds() {
    let count = sim::number_after("seeds").unwrap_or(200);
    let cluster = Cluster::new(Faults::All);
    if let Err(failure) = sim::run_seeds(&cluster, 0..count) {
        panic!("{failure}");
    }
    // Else all that the invariants say would hold of nothing.
    let counts = cluster.counts.lock().unwrap();
    println!("{counts:?}");
    for what in [
        "commits failed",
        "commits given up in the middle",
        "commits resumed",
        "coordinators restarted",
        "damaged segments",
        "disks full",
        "fetches failed",
        "late attempts",
        "map outputs lost",
        "second attempts",
        "tasks failed",
        "tasks stuck",
    ] {
        assert!(count < 200 || counts.contains_key(what), "not once: {what}");
    }
}

/// Where nothing but the coordinator fails, no map that is done is run again.
#[test]
fn a_restarted_coordinator_resumes() {
    let cluster = Cluster::new(Faults::CoordinatorCrashes);
    if let Err(failure) = sim::run_seeds(&cluster, 0..60) {
        panic!("{failure}");
    }
    assert!(cluster.counts.lock().unwrap()["coordinators restarted"] > 20);
}

/// Replays the seed that the command line names, and says where its trace is.
#[test]
fn replay() {
    let Some(seed) = sim::number_after("replay") else {
        return println!("no seed was given: -- replay 0x5eed");
    };
    match sim::replay(&Cluster::new(Faults::All), seed) {
        Ok(trace) => println!("it passes; trace: {}", trace.display()),
        Err(failure) => panic!("{failure}"),
    }
}

/// As `replay`, of the runs in which only the coordinator crashes.
#[test]
fn resume() {
    let Some(seed) = sim::number_after("resume") else {
        return println!("no seed was given: -- resume 0x5eed");
    };
    if let Err(failure) = sim::replay(&Cluster::new(Faults::CoordinatorCrashes), seed) {
        panic!("{failure}");
    }
}

#[test]
fn two_runs_of_one_seed_have_the_same_trace() {
    let trace = |seed| {
        let trace = Trace::on();
        // Whether it passes is not the question here.
        let _ = sim::run(&Cluster::new(Faults::All), seed, &trace);
        trace.to_json_lines()
    };
    for seed in 0..3 {
        assert!(trace(seed) == trace(seed), "seed {seed} gives two traces");
    }
    assert!(trace(1) != trace(2));
}
