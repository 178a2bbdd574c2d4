//! Refuses while somebody writes the replica. The old pipeline's connection may not have noticed yet that it is broken, and
//! nothing but a timeout ends it.
//! caught-by: replace_datanode::replace_datanode_sends_all_that_is_acknowledged

pub fn sendable(replica: &Replica, asked: Block) -> Result<Block, ReplicaError> {
    let there = replica.block;
    if matches!(replica.state, ReplicaState::Temporary | ReplicaState::Rwr) {
        return Err(ReplicaError::NotReadable(there, replica.state));
    }
    if replica.writing {
        return Err(ReplicaError::Busy(there));
    }
    if there.generation < asked.generation {
        return Err(ReplicaError::OtherGeneration { asked, there });
    }
    if there.len < asked.len {
        let acked_len = asked.len;
        return Err(ReplicaError::TooShort { there, acked_len });
    }
    Ok(there)
}
