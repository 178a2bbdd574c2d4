//! The cores of mini-hdfs -- NameNode, DataNodes, clients -- in the simulator: thousands of lives of a small
//! cluster, each from one seed.
//!
//! ```text
//! cargo test -p mini-hdfs --test sim                     300 seeds, and the tests of the invariants
//! cargo test -p mini-hdfs --test sim -- seeds 5000       any other number of seeds
//! cargo test -p mini-hdfs --test sim -- replay 0x5eed    one seed again, with its trace
//! ```
//!
//! Adapters turn messages and timers into calls of the cores, as `server/` does with sockets and threads. What must hold is in
//! `invariants`; what clients were promised is in `history`; what is really on the disks, in `truth`. Bugs that a seed has found
//! are scripted in `found`, since a seed means another run as soon as anything here draws once more.

mod client;
mod cluster;
mod data_node;
mod history;
mod invariants;
mod name_node;
mod truth;
mod wire;

use cluster::Cluster;
use sim::Trace;

#[test]
fn seeds() {
    let count = sim::number_after("seeds").unwrap_or(300);
    if let Err(failure) = sim::run_seeds(&Cluster, 0..count) {
        panic!("{failure}");
    }
}

#[test]
fn replay() {
    if let Some(seed) = sim::number_after("replay") {
        match sim::replay(&Cluster, seed) {
            Ok(trace) => println!("it passes; trace: {}", trace.display()),
            Err(failure) => panic!("{failure}"),
        }
    }
}

#[test]
fn two_runs_of_one_seed_have_the_same_trace() {
    let trace = |seed| {
        let trace = Trace::on();
        // Whether it passes is not the question here.
        let _ = sim::run(&Cluster, seed, &trace);
        trace.to_json_lines()
    };
    for seed in 0..3 {
        assert!(trace(seed) == trace(seed), "seed {seed} gives two traces");
    }
    assert!(trace(1) != trace(2));
}
