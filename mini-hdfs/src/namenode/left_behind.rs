//! Whose replica is out of date when a pipeline is rebuilt
//! (`BlockUnderConstructionFeature.setGenerationStampAndVerifyReplicas`).
//!
//! A node that is dropped from a pipeline keeps what it has, and does not know that it is out. It may be asked by a reader
//! who was told of it before; it may report that replica tomorrow; it may never fail at all, and report nothing for
//! hours. So the NameNode writes down at once that the replica is old. It is not located any more, does not count, and is
//! deleted when the block is complete. HDFS waits until the node's next full report instead.

// BEGIN SOLUTION
use std::collections::BTreeMap;

// END SOLUTION
use crate::block::{Block, DatanodeId};
use crate::namenode::blocks::BlockInfo;

/// Which replicas of a block are out of date now that it has got a new generation: each with the DataNode that has it, as far as is known, in
/// order of the DataNodes' ids. `info` is the block in its new generation, but its pipeline, and what is known of replicas, are those
/// from before; `old` is the block as it was before; `pipeline` are the nodes of the new one.
///
/// - A node of the old pipeline that is not in the new one is left behind, with the replica that is known of it
///   ([`BlockInfo::early`], [`BlockInfo::corrupt`]), or else with `old`.
/// - So is a node in no pipeline of which a replica of an older generation than the new one is known.
/// - A node of the new pipeline is not, whatever is known of it: its replica was raised to the new generation.
/// - A replica that is of the new generation already, as reports may overtake each other, is not out of date.
pub fn left_behind(
    info: &BlockInfo,
    old: Block,
    pipeline: &[DatanodeId],
) -> Vec<(DatanodeId, Block)> {
    // EXERCISE(hdfs/pipeline-recovery): who was there before and is not now, and with which replica?
    let before = info.pipeline().iter().map(|datanode| (*datanode, old));
    let known = info.early().iter().chain(info.corrupt());
    // What is known of a node comes later, and so counts.
    let replicas: BTreeMap<DatanodeId, Block> = before
        .chain(known.map(|(datanode, replica)| (*datanode, *replica)))
        .collect();
    let is_old = |datanode: &DatanodeId, replica: &Block| {
        !pipeline.contains(datanode) && replica.generation < info.block.generation
    };
    replicas
        .into_iter()
        .filter(|(datanode, replica)| is_old(datanode, replica))
        .collect()
}
