//! Takes up a replica that is in the new generation already. A request that the network had kept back cuts a replica that
//! its pipeline is writing, or that is finalised.
//! caught-by: pipeline_recovery::pipeline_recovery_refuses_a_replica_that_missed_one

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
    if there.generation < asked.generation || there.generation > generation {
        let asked = Block {
            generation,
            ..asked
        };
        return Err(ReplicaError::OtherGeneration { asked, there });
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
