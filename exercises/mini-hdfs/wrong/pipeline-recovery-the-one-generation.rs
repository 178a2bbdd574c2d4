//! Takes up a replica of exactly the generation that the NameNode knows. One that had joined a rebuilding that was given
//! up is refused, and with it, one node after the other, all that are left.
//! caught-by: pipeline_recovery::pipeline_recovery_takes_up_what_a_failed_one_left

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
    if there.generation != asked.generation {
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
