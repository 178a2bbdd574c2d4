//! The tool for event logs: its formats, what it finds, its pictures, and its command line.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

// A run of the simulator, whose trace is a log.
#[path = "../sim/causal.rs"]
#[allow(dead_code, reason = "its own tests use all of it")]
mod chat;
mod cli;
mod findings;
mod formats;
mod pictures;
