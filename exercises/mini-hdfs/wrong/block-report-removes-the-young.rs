//! Everything that the report does not list is gone, even a replica that was finalised after the report was made: the
//! block loses its newest replicas, and `complete` waits for ever.
//! caught-by: block_report::block_report_leaves_writes_in_progress_alone

pub fn report_diff(
    blocks: &BlocksMap,
    datanode: DatanodeId,
    part: &RangeInclusive<BlockId>,
    report: &[ReportedReplica],
) -> ReportDiff {
    let mut diff = ReportDiff::default();
    let mut listed = BTreeSet::new();
    for replica in report {
        if replica.state == ReplicaState::Temporary {
            continue;
        }
        listed.insert(replica.block.id);
        match judge_replica(blocks.get(replica.block.id), datanode, replica) {
            Verdict::Add => diff.to_add.push(replica.block),
            Verdict::Keep => {}
            Verdict::UnderConstruction => diff.under_construction.push(*replica),
            Verdict::Corrupt => diff.to_corrupt.push(replica.block),
            Verdict::Invalidate => diff.to_invalidate.push(replica.block),
        }
    }
    let held = blocks.blocks_in(datanode, part);
    diff.to_remove = held.filter(|id| !listed.contains(id)).collect();
    diff
}
