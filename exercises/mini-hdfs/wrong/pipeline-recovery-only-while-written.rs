//! Takes up only what was being written. When a node fails at the very end of a block, others have finalised it already; and after a
//! restart of its DataNode a replica waits to be recovered, which nobody then does.
//! caught-by: pipeline_recovery::pipeline_recovery_cuts_a_replica_to_what_is_acknowledged

pub fn recovered(
    replica: &Replica,
    asked: Block,
    generation: GenerationStamp,
    acked_len: u64,
) -> Result<Replica, ReplicaError> {
    let there = replica.block;
    if replica.state != ReplicaState::Rbw {
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
        len: acked_len,
    };
    Ok(Replica {
        writing: true,
        ..Replica::new(block, ReplicaState::Rbw)
    })
}
