//! What one part does not list is gone, although other parts list it: the first message of a long report has every block of the
//! DataNode copied anew.
//! caught-by: block_report::block_report_of_a_part_says_nothing_of_the_rest

pub fn report_diff(
    blocks: &BlocksMap,
    datanode: DatanodeId,
    part: &RangeInclusive<BlockId>,
    report: &[ReportedReplica],
) -> ReportDiff {
    let _ = part;
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
    let held = blocks.blocks_of(datanode);
    let gone = held.filter(|id| !listed.contains(id)).filter(settled);
    diff.to_remove = gone.collect();
    diff
}
