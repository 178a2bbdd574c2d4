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
//! `invariants`; what clients were promised is in `history`; what is really on the disks, in `truth`. A bug that a seed finds
//! gets a test of its own beside the core, since a seed means another run as soon as anything here draws once more.

mod balancer;
mod client;
mod cluster;
mod data_node;
mod history;
mod invariants;
mod name_node;
mod onlooker;
mod operator;
mod truth;
mod volumes;
mod wire;

use cluster::Cluster;
use sim::Trace;

/// Runs so many seeds, or as many as the command line says after `word`.
fn run_seeds(cluster: &Cluster, word: &str, count: u64) {
    let count = sim::number_after(word).unwrap_or(count);
    if let Err(failure) = sim::run_seeds(cluster, 0..count) {
        panic!("{failure}");
    }
}

#[test]
fn seeds() {
    run_seeds(&Cluster::AllFaults, "seeds", 300);
}

/// Runs in which one DataNode crashes, and no client may notice.
#[test]
fn one_datanode_crashes() {
    run_seeds(&Cluster::OneCrash, "one_datanode_crashes", 60);
}

/// Replays the seed that the command line names after `word`, and says where its trace is.
fn replay_seed(cluster: &Cluster, word: &str) -> String {
    let Some(seed) = sim::number_after(word) else {
        return format!("no seed was given: -- {word} 0x5eed");
    };
    match sim::replay(cluster, seed) {
        Ok(trace) => format!("it passes; trace: {}", trace.display()),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn replay() {
    println!("{}", replay_seed(&Cluster::AllFaults, "replay"));
}

#[test]
fn replay_one_crash() {
    println!("{}", replay_seed(&Cluster::OneCrash, "replay_one_crash"));
}

#[test]
fn two_runs_of_one_seed_have_the_same_trace() {
    let trace = |seed| {
        let trace = Trace::on();
        // Whether it passes is not the question here.
        let _ = sim::run(&Cluster::AllFaults, seed, &trace);
        trace.to_json_lines()
    };
    for seed in 0..3 {
        assert!(trace(seed) == trace(seed), "seed {seed} gives two traces");
    }
    assert!(trace(1) != trace(2));
}

/// Else all that `invariants::moved` says of moves would hold of none.
#[test]
fn the_balancer_moves_replicas() {
    let moves = |seed| {
        let trace = Trace::on();
        let _ = sim::run(&Cluster::AllFaults, seed, &trace);
        trace.to_json_lines().contains("Moved { block")
    };
    assert!((0..20).any(moves), "not one replica was moved in 20 runs");
}
