//! The systems that this lab can show, each behind a feature of its own: a course that hands out fewer has a lab with fewer.

use crate::system::System;

#[cfg(feature = "clocks")]
mod clocks;
#[cfg(any(
    feature = "hdfs",
    feature = "kafka",
    feature = "mapreduce",
    feature = "raft"
))]
mod disks;
#[cfg(feature = "hash")]
mod hash;
#[cfg(feature = "hdfs")]
mod hdfs;
#[cfg(feature = "kafka")]
mod kafka;
#[cfg(any(
    feature = "clocks",
    feature = "hash",
    feature = "kafka",
    feature = "raft"
))]
mod lines;
#[cfg(feature = "mapreduce")]
mod mapreduce;
#[cfg(feature = "raft")]
mod raft;

/// All of them. The first is what a bare `lab` opens.
pub fn all() -> &'static [&'static dyn System] {
    &[
        #[cfg(feature = "hdfs")]
        &hdfs::MiniHdfs,
        #[cfg(feature = "kafka")]
        &kafka::MiniKafka,
        #[cfg(feature = "mapreduce")]
        &mapreduce::MiniMapReduce,
        #[cfg(feature = "raft")]
        &raft::RaftKv,
        #[cfg(feature = "hash")]
        &hash::Hash,
        #[cfg(feature = "clocks")]
        &clocks::Clocks,
    ]
}
