//! Looks at no generation: a node that slept through the last rebuilding goes on with bytes that others replaced.
//! caught-by: pipeline_recovery::pipeline_recovery_refuses_a_replica_that_missed_one

pub fn recovered(
    replica: &Replica,
    asked: Block,
    generation: GenerationStamp,
    acked_len: u64,
) -> Result<Replica, ReplicaError> {
    let _ = asked;
    let there = replica.block;
    if replica.state == ReplicaState::Temporary {
        return Err(ReplicaError::NotReadable(there, replica.state));
    }
    if replica.writing {
        return Err(ReplicaError::Busy(there));
    }
    if there.len < acked_len {
        return Err(ReplicaError::TooShort { there, acked_len });
    }
    let block = Block {
        id: there.id,
        generation,
        len: acked_len,
    };
    Ok(Replica {
        writing: true,
        ..Replica::new(block, ReplicaState::Rbw)
    })
}
