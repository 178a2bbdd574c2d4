//! What must hold of the clocks in any case: on executions of the simulator, on random values, and against plain models. Beside them
//! what simpler versions get wrong, by example.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod by_example;
mod commit_wait;
mod gossip;
mod happened_before;
mod interval_tree_clock;
mod joins;

mod capstone_judge;
#[path = "../graded/capstone/judge.rs"]
#[allow(dead_code, reason = "the graded tests use all of it")]
mod judge;
#[path = "../graded/capstone/world.rs"]
#[allow(dead_code, reason = "the graded tests use all of it")]
mod world;
