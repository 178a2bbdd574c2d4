//! Sends only a replica of the generation that the NameNode knows: after a rebuilding that was given up, nobody has one.
//! caught-by: replace_datanode::replace_datanode_sends_all_that_is_acknowledged

pub fn sendable(replica: &Replica, asked: Block) -> Result<Block, ReplicaError> {
    let there = replica.block;
    if matches!(replica.state, ReplicaState::Temporary | ReplicaState::Rwr) {
        return Err(ReplicaError::NotReadable(there, replica.state));
    }
    if there.generation != asked.generation {
        return Err(ReplicaError::OtherGeneration { asked, there });
    }
    if there.len < asked.len {
        let acked_len = asked.len;
        return Err(ReplicaError::TooShort { there, acked_len });
    }
    Ok(there)
}
