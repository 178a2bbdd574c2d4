//! Splits the pipeline at the failed node, asks for generations with a range, and walks over sorted ids.

pub fn after_failure(pipeline: &Pipeline<'_>, bad: &BadNode) -> Recovery {
    let place = Some(bad.index).filter(|index| *index < pipeline.nodes.len());
    let (before, rest) = pipeline.nodes.split_at(place.unwrap_or(0));
    let (failed, after) = match rest.split_first() {
        Some((failed, after)) => (failed.id, after),
        None => unreachable!("a pipeline has a node"),
    };
    if let Stage::Create { given_up } = pipeline.stage {
        return match BLOCK_WRITE_RETRIES.checked_sub(given_up) {
            None | Some(0) => Recovery::Fail { failed },
            Some(_) => Recovery::Abandon { failed },
        };
    }
    let left = [before, after].concat();
    if left.is_empty() {
        return Recovery::Fail { failed };
    }
    let Block { id, generation, .. } = pipeline.block;
    let len = pipeline.acked_len;
    let block = Block {
        id,
        generation,
        len,
    };
    Recovery::Rebuild {
        failed,
        left,
        block,
    }
}

pub fn recovered(
    replica: &Replica,
    asked: Block,
    generation: GenerationStamp,
    acked_len: u64,
) -> Result<Replica, ReplicaError> {
    let there = replica.block;
    let fits = (asked.generation..generation).contains(&there.generation);
    match replica.state {
        ReplicaState::Temporary => Err(ReplicaError::NotReadable(there, replica.state)),
        _ if !fits => Err(ReplicaError::OtherGeneration {
            asked: Block {
                generation,
                ..asked
            },
            there,
        }),
        _ if replica.writing => Err(ReplicaError::Busy(there)),
        _ if acked_len > there.len => Err(ReplicaError::TooShort { there, acked_len }),
        _ => Ok(Replica {
            block: Block {
                generation,
                len: acked_len,
                ..there
            },
            state: ReplicaState::Rbw,
            writing: true,
            last_checksum: None,
            ..*replica
        }),
    }
}

pub fn left_behind(
    info: &BlockInfo,
    old: Block,
    pipeline: &[DatanodeId],
) -> Vec<(DatanodeId, Block)> {
    let mut ids: Vec<DatanodeId> = info
        .pipeline()
        .iter()
        .chain(info.early().keys())
        .chain(info.corrupt().keys())
        .filter(|datanode| !pipeline.contains(datanode))
        .copied()
        .collect();
    ids.sort_unstable();
    ids.dedup();
    let replica_of = |datanode: DatanodeId| {
        let known = info.corrupt().get(&datanode).or(info.early().get(&datanode));
        (datanode, known.copied().unwrap_or(old))
    };
    ids.into_iter()
        .map(replica_of)
        .filter(|(_, replica)| replica.generation < info.block.generation)
        .collect()
}
