//! A replica that a reader found to be corrupt is listed with the right generation and length, since a report reads no
//! bytes; it is taken for good again, and served.
//! caught-by: block_report::block_report_keeps_what_is_known_to_be_bad

pub fn judge_replica(
    stored: Option<&BlockInfo>,
    datanode: DatanodeId,
    reported: &ReportedReplica,
) -> Verdict {
    let Some(info) = stored else {
        return Verdict::Invalidate;
    };
    let replica = reported.block;
    let older = replica.generation < info.block.generation;
    let known = info.replicas.contains(&datanode);
    if older && (known || info.pipeline().contains(&datanode)) {
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
