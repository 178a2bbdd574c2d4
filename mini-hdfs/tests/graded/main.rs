//! The graded tests of mini-hdfs, in learning order: one binary, so that one `cargo test` shows them all.

mod ack_queue;
mod acks;
mod block_file;
mod read;
