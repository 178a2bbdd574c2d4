//! Takes up a replica that has lost acknowledged bytes: what is sent again begins behind the gap.
//! caught-by: pipeline_recovery::pipeline_recovery_refuses_what_is_in_use_or_too_short

pub fn recovered(
    replica: &Replica,
    asked: Block,
    generation: GenerationStamp,
    acked_len: u64,
) -> Result<Replica, ReplicaError> {
    let there = replica.block;
    if replica.state == ReplicaState::Temporary {
        return Err(ReplicaError::NotReadable(there, replica.state));
    }
    if there.generation < asked.generation || there.generation >= generation {
        let asked = Block {
            generation,
            ..asked
        };
        return Err(ReplicaError::OtherGeneration { asked, there });
    }
    if replica.writing {
        return Err(ReplicaError::Busy(there));
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
