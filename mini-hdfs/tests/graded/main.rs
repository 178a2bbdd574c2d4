//! The graded tests of mini-hdfs, in learning order: one binary, so that one `cargo test` shows them all.

mod crash_disk;
mod ops;

mod paths;
mod rename;

mod edit_log;

mod replay;

mod group_commit;

mod checkpoint;

mod block_file;

mod placement;

mod dead_nodes;

mod block_report;

mod ack_queue;
mod acks;

mod read;

mod replication_queue;

mod excess;

mod safe_mode;
