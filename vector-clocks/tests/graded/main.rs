//! The graded tests, in learning order.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod execution;
mod scenario;

// What drives these protocols in the simulator.
#[path = "../sim/snapshot.rs"]
mod bank;
#[path = "../sim/causal.rs"]
mod chat;
#[path = "../sim/link.rs"]
mod link;
#[path = "../sim/total_order.rs"]
mod replicas;

mod lamport;
mod vector_clock;

mod happened_before;

mod causal;

mod total_order;

mod version_vector;

mod siblings;

mod hlc;

mod commit_wait;

mod snapshot;

mod interval_tree;

mod capstone;

autograder::main! {
    "clocks/lamport" => lamport,
    "clocks/vector-clock" => vector_clock,
    "clocks/happened-before" => happened_before,
    "clocks/causal" => causal,
    "clocks/total-order" => total_order,
    "clocks/version-vector" => version_vector,
    "clocks/siblings" => siblings,
    "clocks/hlc" => hlc,
    "clocks/commit-wait" => commit_wait,
    "clocks/snapshot" => snapshot,
    "clocks/interval-tree" => interval_tree,
    "clocks/capstone" => capstone,
}
