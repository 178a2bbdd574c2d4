//! A copy that is still arriving (`Temporary`) counts as listed: the loss of the old replica goes unnoticed until the
//! next report.
//! caught-by: block_report::block_report_passes_over_copies_that_are_arriving

pub fn report_diff(
    blocks: &BlocksMap,
    datanode: DatanodeId,
    part: &RangeInclusive<BlockId>,
    report: &[ReportedReplica],
) -> ReportDiff {
    let mut diff = ReportDiff::default();
    for replica in report {
        if replica.state == ReplicaState::Temporary {
            continue;
        }
        match judge_replica(blocks.get(replica.block.id), datanode, replica) {
            Verdict::Add => diff.to_add.push(replica.block),
            Verdict::Keep => {}
            Verdict::UnderConstruction => diff.under_construction.push(*replica),
            Verdict::Corrupt => diff.to_corrupt.push(replica.block),
            Verdict::Invalidate => diff.to_invalidate.push(replica.block),
        }
    }
    let listed: BTreeSet<BlockId> = report.iter().map(|replica| replica.block.id).collect();
    let settled = |id: &BlockId| {
        blocks.get(*id).is_some_and(|info| {
            info.state == BlockState::Complete || info.corrupt().contains_key(&datanode)
        })
    };
    let held = blocks.blocks_in(datanode, part);
    let gone = held.filter(|id| !listed.contains(id)).filter(settled);
    diff.to_remove = gone.collect();
    diff
}
