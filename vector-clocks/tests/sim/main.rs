//! The protocols of this crate in the simulator, on a network that loses, repeats, delays, mixes up and cuts.
//!
//! ```text
//! cargo test -p vector-clocks --test sim                            each protocol with its seeds, and the tests of the judges
//! cargo test -p vector-clocks --test sim -- causal 5000             any other number of seeds; total_order, snapshot likewise
//! cargo test -p vector-clocks --test sim -- replay_causal 0x5eed    one seed again, with its trace
//! ```
//!
//! Each protocol has a node that drives it, a history that everybody writes to, and a judge that looks at the history alone.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod causal;
mod link;
mod snapshot;
mod total_order;

use sim::{Scenario, Trace};

fn run_seeds<S: Scenario>(scenario: &S, word: &str, count: u64) {
    let count = sim::number_after(word).unwrap_or(count);
    if let Err(failure) = sim::run_seeds(scenario, 0..count) {
        panic!("{failure}");
    }
}

#[test]
fn causal() {
    run_seeds(&causal::Chat, "causal", 300);
}

#[test]
fn total_order() {
    run_seeds(&total_order::Replicas, "total_order", 200);
}

#[test]
fn snapshot() {
    run_seeds(&snapshot::Bank, "snapshot", 200);
}

/// Replays the seed that the command line names after `word`, and says where its trace is.
fn replay_seed<S: Scenario>(scenario: &S, word: &str) -> String {
    let Some(seed) = sim::number_after(word) else {
        return format!("no seed was given: -- {word} 0x5eed");
    };
    match sim::replay(scenario, seed) {
        Ok(trace) => format!("it passes; trace: {}", trace.display()),
        Err(failure) => panic!("{failure}"),
    }
}

#[test]
fn replay_causal() {
    println!("{}", replay_seed(&causal::Chat, "replay_causal"));
}

#[test]
fn replay_total_order() {
    println!(
        "{}",
        replay_seed(&total_order::Replicas, "replay_total_order")
    );
}

#[test]
fn replay_snapshot() {
    println!("{}", replay_seed(&snapshot::Bank, "replay_snapshot"));
}

fn traces_differ_by_seed_alone<S: Scenario>(scenario: &S) {
    let trace = |seed| {
        let trace = Trace::on();
        // Whether it passes is not the question here.
        let _ = sim::run(scenario, seed, &trace);
        trace.to_json_lines()
    };
    for seed in 0..2 {
        assert!(trace(seed) == trace(seed), "seed {seed} gives two traces");
    }
    assert!(trace(0) != trace(1));
}

#[test]
fn two_runs_of_one_seed_have_the_same_trace() {
    traces_differ_by_seed_alone(&causal::Chat);
    traces_differ_by_seed_alone(&total_order::Replicas);
    traces_differ_by_seed_alone(&snapshot::Bank);
}
