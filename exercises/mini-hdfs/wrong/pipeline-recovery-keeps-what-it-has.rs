//! Keeps all that the node has heard acknowledged. The others may have less, and the writer sends it again: until then readers of
//! this replica see bytes that those of another do not.
//! caught-by: pipeline_recovery::pipeline_recovery_cuts_a_replica_to_what_is_acknowledged

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
    if there.len < acked_len {
        return Err(ReplicaError::TooShort { there, acked_len });
    }
    let block = Block {
        id: there.id,
        generation,
        len: there.len,
    };
    Ok(Replica {
        writing: true,
        ..Replica::new(block, ReplicaState::Rbw)
    })
}
