//! The graded tests of raft-kv, in learning order: one binary, so that one `cargo test` shows them all.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod log;

mod vote;

mod truncate;

mod snapshot;

mod apply;

mod mvcc;

mod txn;

mod compaction;

mod watch;

mod lease;

mod read_index;

mod lock;

mod linearizability;

mod capstone;

autograder::main! {
    "raft/log" => log,
    "raft/vote" => vote,
    "raft/truncate" => truncate,
    "raft/snapshot" => snapshot,
    "raft/apply" => apply,
    "raft/mvcc" => mvcc,
    "raft/txn" => txn,
    "raft/compaction" => compaction,
    "raft/watch" => watch,
    "raft/lease" => lease,
    "raft/read-index" => read_index,
    "raft/lock" => lock,
    "raft/linearizability" => linearizability,
    "raft/capstone" => capstone,
}
