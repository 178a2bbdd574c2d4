//! Only good replicas are looked for: a corrupt one that was deleted stays in the map, and its DataNode is
//! never again chosen for the block.
//! caught-by: block_report::block_report_removes_what_is_not_there

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
    let lost = |id: &BlockId| {
        let info = blocks.get(*id);
        let good = info.is_some_and(|info| {
            info.state == BlockState::Complete && info.replicas.contains(&datanode)
        });
        good && !listed.contains(id)
    };
    diff.to_remove = blocks.blocks_in(datanode, part).filter(lost).collect();
    diff
}
