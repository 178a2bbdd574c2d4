//! Sorted lists that are walked side by side instead of a set, and the verdict from one table.

pub fn judge_replica(
    stored: Option<&BlockInfo>,
    datanode: DatanodeId,
    reported: &ReportedReplica,
) -> Verdict {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let Some(info) = stored else {
        return Verdict::Invalidate;
    };
    let seen = reported.block;
    let known = info.replicas.contains(&datanode);
    let bad = info.corrupt().get(&datanode);
    if bad.is_some_and(|bad| bad.generation >= seen.generation) {
        return Verdict::Keep;
    }
    let trusted = known || info.pipeline().contains(&datanode);
    let writing = info.state == BlockState::UnderConstruction;
    match (seen.generation.cmp(&info.block.generation), reported.state) {
        (Less, _) if trusted => Verdict::Keep,
        (Less, _) => Verdict::Corrupt,
        _ if writing => Verdict::UnderConstruction,
        (Greater, _) | (Equal, ReplicaState::Rwr) => Verdict::Corrupt,
        (Equal, ReplicaState::Rbw | ReplicaState::Temporary) => Verdict::Keep,
        (Equal, ReplicaState::Finalized) => match (seen.len == info.block.len, known) {
            (false, _) => Verdict::Corrupt,
            (true, true) => Verdict::Keep,
            (true, false) => Verdict::Add,
        },
    }
}

pub fn report_diff(
    blocks: &BlocksMap,
    datanode: DatanodeId,
    part: &RangeInclusive<BlockId>,
    report: &[ReportedReplica],
) -> ReportDiff {
    let mut diff = ReportDiff::default();
    let mut listed = Vec::with_capacity(report.len());
    for replica in report {
        if replica.state == ReplicaState::Temporary {
            continue;
        }
        let block = replica.block;
        listed.push(block.id);
        let list = match judge_replica(blocks.get(block.id), datanode, replica) {
            Verdict::Keep => continue,
            Verdict::UnderConstruction => {
                diff.under_construction.push(*replica);
                continue;
            }
            Verdict::Add => &mut diff.to_add,
            Verdict::Corrupt => &mut diff.to_corrupt,
            Verdict::Invalidate => &mut diff.to_invalidate,
        };
        list.push(block);
    }
    listed.sort_unstable();
    let mut listed = listed.into_iter().peekable();
    for id in blocks.blocks_in(datanode, part) {
        while listed.next_if(|other| *other < id).is_some() {}
        if listed.peek() == Some(&id) {
            continue;
        }
        let Some(info) = blocks.get(id) else {
            continue;
        };
        let corrupt = info.corrupt().contains_key(&datanode);
        if corrupt || info.state == BlockState::Complete {
            diff.to_remove.push(id);
        }
    }
    diff
}
