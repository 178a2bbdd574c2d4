//! What is known is believed without a look: a replica that has become shorter on its disk stays good.
//! caught-by: block_report::block_report_finds_wrong_versions

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
    if info.replicas.contains(&datanode) {
        return Verdict::Keep;
    }
    let older = replica.generation < info.block.generation;
    let in_pipeline = info.pipeline().contains(&datanode);
    if info.state == BlockState::UnderConstruction {
        return if older && !in_pipeline {
            Verdict::Corrupt
        } else if older {
            Verdict::Keep
        } else {
            Verdict::UnderConstruction
        };
    }
    if older && in_pipeline {
        return Verdict::Keep;
    }
    if replica.generation != info.block.generation {
        return Verdict::Corrupt;
    }
    match reported.state {
        ReplicaState::Finalized if replica.len != info.block.len => Verdict::Corrupt,
        ReplicaState::Finalized => Verdict::Add,
        ReplicaState::Rbw | ReplicaState::Temporary => Verdict::Keep,
        ReplicaState::Rwr => Verdict::Corrupt,
    }
}
