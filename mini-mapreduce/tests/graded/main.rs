//! The graded tests of mini-mapreduce, in learning order: one binary, so that one `cargo test` shows them all.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod splits;

mod partitioner;

mod sort_buffer;

mod combiner;

mod merge;

mod total_order;

mod join;

mod leases;

mod attempts;

mod fetch_failures;

mod delay;

mod speculation;

mod commit;

mod capstone;

autograder::main! {
    "mapreduce/splits" => splits,
    "mapreduce/partitioner" => partitioner,
    "mapreduce/sort-buffer" => sort_buffer,
    "mapreduce/combiner" => combiner,
    "mapreduce/merge" => merge,
    "mapreduce/total-order" => total_order,
    "mapreduce/join" => join,
    "mapreduce/leases" => leases,
    "mapreduce/attempts" => attempts,
    "mapreduce/fetch-failures" => fetch_failures,
    "mapreduce/delay-scheduling" => delay,
    "mapreduce/speculation" => speculation,
    "mapreduce/commit" => commit,
    "mapreduce/capstone" => capstone,
}
