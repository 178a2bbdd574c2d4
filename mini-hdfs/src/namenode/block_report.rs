//! What a block report means (`BlockManager.reportDiff`, `processReportedBlock`).
//!
//! A DataNode says what is on its disk; the blocks map says what should be. Neither is simply right: a
//! replica may be older than the NameNode's knowledge (it missed the rebuilding of a pipeline), or newer (a
//! pipeline is being rebuilt just now), and a report takes time to arrive.

// BEGIN SOLUTION
use std::collections::BTreeSet;
// END SOLUTION
use std::ops::RangeInclusive;

// BEGIN SOLUTION
use crate::block::ReplicaState;
use crate::namenode::blocks::BlockState;

// END SOLUTION
use crate::block::{Block, BlockId, DatanodeId};
use crate::namenode::blocks::{BlockInfo, BlocksMap};
use crate::protocol::ReportedReplica;

/// What one replica that a DataNode reports means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A good replica that was not known.
    Add,
    /// Nothing new, or news that time has overtaken.
    Keep,
    /// A part of a block under construction, being written or already finalised.
    UnderConstruction,
    /// Of a wrong generation or length, or left over from a broken write.
    Corrupt,
    /// Of a block that does not exist: delete it.
    Invalidate,
}

/// What follows from a block report, each list in the order of the report (`to_remove` in order of ids).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReportDiff {
    /// Good replicas that were not known.
    pub to_add: Vec<Block>,
    /// Blocks that the map says the DataNode holds, good or corrupt, and that it does not.
    pub to_remove: Vec<BlockId>,
    /// Replicas of blocks that do not exist (any more), as reported.
    pub to_invalidate: Vec<Block>,
    /// Replicas newly found to be bad, as reported.
    pub to_corrupt: Vec<Block>,
    /// Parts of blocks that are being written.
    pub under_construction: Vec<ReportedReplica>,
}

/// Judges one replica that `datanode` reports, against what is known of its block (`stored`; none when there is no such
/// block).
///
/// - There is no such block: [`Verdict::Invalidate`].
/// - The DataNode's replica is known to be corrupt: [`Verdict::Keep`], unless the reported one has a newer
///   generation than the corrupt one had; then that is judged as if nothing were known.
/// - The block is under construction:
///   - An older generation than the block's is [`Verdict::Keep`] if the DataNode is in the pipeline (the news was sent
///     before the pipeline was rebuilt), else [`Verdict::Corrupt`].
///   - All else is [`Verdict::UnderConstruction`].
/// - The block is committed or complete:
///   - An older generation is [`Verdict::Keep`] if the DataNode is known to have a good replica, or is in the
///     pipeline of a block not complete yet: a replica's generation never falls, so that news is old.
///   - Any other wrong generation is [`Verdict::Corrupt`].
///   - Finalised and of the block's length: [`Verdict::Add`], or [`Verdict::Keep`] if it is known already. Of another
///     length: [`Verdict::Corrupt`].
///   - Being written (`Rbw`): [`Verdict::Keep`]; that it is finalised will be heard soon.
///   - Waiting to be recovered (`Rwr`): [`Verdict::Corrupt`].
pub fn judge_replica(
    stored: Option<&BlockInfo>,
    datanode: DatanodeId,
    reported: &ReportedReplica,
) -> Verdict {
    // EXERCISE(hdfs/block-report): what one reported replica means, given what is known of its block.
    let Some(info) = stored else {
        return Verdict::Invalidate;
    };
    let replica = reported.block;
    if let Some(bad) = info.corrupt().get(&datanode)
        && replica.generation <= bad.generation
    {
        return Verdict::Keep;
    }
    let older = replica.generation < info.block.generation;
    let in_pipeline = info.pipeline().contains(&datanode);
    let known = info.replicas.binary_search(&datanode).is_ok();
    if older && (in_pipeline || known) {
        return Verdict::Keep;
    }
    if info.state == BlockState::UnderConstruction {
        return if older {
            Verdict::Corrupt
        } else {
            Verdict::UnderConstruction
        };
    }
    if replica.generation != info.block.generation {
        return Verdict::Corrupt;
    }
    match reported.state {
        ReplicaState::Finalized if replica.len != info.block.len => Verdict::Corrupt,
        ReplicaState::Finalized if known => Verdict::Keep,
        ReplicaState::Finalized => Verdict::Add,
        ReplicaState::Rbw | ReplicaState::Temporary => Verdict::Keep,
        ReplicaState::Rwr => Verdict::Corrupt,
    }
}

/// Compares a part of a full block report with the blocks map: the part that lists every replica on `datanode` of a block with
/// an id in `part`. A report of millions comes in many parts, and between two of them the NameNode does other things.
///
/// Each reported replica is judged by [`judge_replica`], but for those that are `Temporary`: they are passed over, as if
/// the report did not list them.
///
/// What the map says `datanode` holds of these blocks ([`BlocksMap::blocks_in`]) and the report does not list is to be removed; but not
/// good replicas of a block that is not complete yet, since they may have come into being after the report was made.
/// Replicas that are known to be corrupt are removed whatever the block's state.
///
/// Takes time in proportion to the report and to what the DataNode holds (times a logarithm), however many blocks
/// there are.
pub fn report_diff(
    blocks: &BlocksMap,
    datanode: DatanodeId,
    part: &RangeInclusive<BlockId>,
    report: &[ReportedReplica],
) -> ReportDiff {
    // EXERCISE(hdfs/block-report): judge what is listed; then find what should have been listed and was not.
    let mut diff = ReportDiff::default();
    let listed = report
        .iter()
        .filter(|replica| replica.state != ReplicaState::Temporary);
    for replica in listed.clone() {
        match judge_replica(blocks.get(replica.block.id), datanode, replica) {
            Verdict::Add => diff.to_add.push(replica.block),
            Verdict::Keep => {}
            Verdict::UnderConstruction => diff.under_construction.push(*replica),
            Verdict::Corrupt => diff.to_corrupt.push(replica.block),
            Verdict::Invalidate => diff.to_invalidate.push(replica.block),
        }
    }
    let listed: BTreeSet<BlockId> = listed.map(|replica| replica.block.id).collect();
    let settled = |id: &BlockId| {
        let settled = |info: &BlockInfo| {
            info.state == BlockState::Complete || info.corrupt().contains_key(&datanode)
        };
        blocks.get(*id).is_some_and(settled)
    };
    let held = blocks.blocks_in(datanode, part);
    let gone = held.filter(|id| !listed.contains(id)).filter(settled);
    diff.to_remove = gone.collect();
    diff
}
