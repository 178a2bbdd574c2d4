//! Real processes, killed for real. Each test runs a cluster of its own; nothing here waits for a fixed time, only
//! until something is the case.

mod command;
mod datanodes;
mod harness;
mod namenode;
