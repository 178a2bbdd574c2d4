//! The graded tests of mini-hdfs, in learning order: one binary, so that one `cargo test` shows them all.

mod crash_disk;
mod ops;

mod paths;
mod rename;

mod edit_log;

mod replay;

mod group_commit;

mod checkpoint;

mod ack_queue;
mod acks;
mod block_file;
mod read;
