//! Whatever has an older generation is corrupt. News that a rebuilt pipeline has overtaken then marks good replicas as bad,
//! and a slow network costs copies.
//! caught-by: block_report::block_report_may_be_older_than_what_is_known
//! caught-by: block_report::block_report_leaves_writes_in_progress_alone

pub fn judge_replica(
    stored: Option<&BlockInfo>,
    datanode: DatanodeId,
    reported: &ReportedReplica,
) -> Verdict {
    let Some(info) = stored else {
        return Verdict::Invalidate;
    };
    let replica = reported.block;
    if let Some(bad) = info.corrupt().get(&datanode)
        && replica.generation <= bad.generation
    {
        return Verdict::Keep;
    }
    if replica.generation < info.block.generation {
        return Verdict::Corrupt;
    }
    if info.state == BlockState::UnderConstruction {
        return Verdict::UnderConstruction;
    }
    if replica.generation != info.block.generation {
        return Verdict::Corrupt;
    }
    match reported.state {
        ReplicaState::Finalized if replica.len != info.block.len => Verdict::Corrupt,
        ReplicaState::Finalized if info.replicas.contains(&datanode) => Verdict::Keep,
        ReplicaState::Finalized => Verdict::Add,
        ReplicaState::Rbw | ReplicaState::Temporary => Verdict::Keep,
        ReplicaState::Rwr => Verdict::Corrupt,
    }
}
