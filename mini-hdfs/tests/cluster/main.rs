//! Real processes, killed for real. Each test runs a cluster of its own; nothing here waits for a fixed time, only
//! until something is the case.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests, which clippy cannot see.

mod attributes;
mod balancer;
mod command;
mod datanodes;
mod disks;
mod harness;
mod leases;
mod namenode;
mod offline;
mod operator;
mod shell;
mod streams;
mod tracing;
mod volumes;
