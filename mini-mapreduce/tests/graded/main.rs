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

autograder::main! {
    "mr/splits" => splits,
    "mr/partitioner" => partitioner,
    "mr/sort-buffer" => sort_buffer,
    "mr/combiner" => combiner,
    "mr/merge" => merge,
    "mr/total-order" => total_order,
    "mr/join" => join,
}
