//! The graded tests of mini-hdfs, in learning order: one binary, so that one `cargo test` shows them all.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod crash_disk;
mod ops;
mod written;

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

mod pipeline_recovery;

mod replace_datanode;

mod leases;

mod lease_recovery;

mod read;

mod replication_queue;

mod excess;

mod safe_mode;

mod scanner;

mod outliers;

mod decommission;

mod balancer;

mod capstone;

autograder::main! {
    "hdfs/paths" => paths,
    "hdfs/rename" => rename,
    "hdfs/edit-log" => edit_log,
    "hdfs/replay" => replay,
    "hdfs/group-commit" => group_commit,
    "hdfs/checkpoint" => checkpoint,
    "hdfs/block-file" => block_file,
    "hdfs/placement" => placement,
    "hdfs/dead-nodes" => dead_nodes,
    "hdfs/block-report" => block_report,
    "hdfs/ack-queue" => ack_queue,
    "hdfs/pipeline-acks" => acks,
    "hdfs/pipeline-recovery" => pipeline_recovery,
    "hdfs/replace-datanode" => replace_datanode,
    "hdfs/leases" => leases,
    "hdfs/lease-recovery" => lease_recovery,
    "hdfs/read" => read,
    "hdfs/replication-queue" => replication_queue,
    "hdfs/excess" => excess,
    "hdfs/safe-mode" => safe_mode,
    "hdfs/scanner" => scanner,
    "hdfs/slow-nodes" => outliers,
    "hdfs/decommission" => decommission,
    "hdfs/balancer" => balancer,
    "hdfs/capstone" => capstone,
}
