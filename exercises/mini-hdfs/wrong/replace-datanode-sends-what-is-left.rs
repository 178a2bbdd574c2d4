//! Sends a replica that has lost acknowledged bytes, and so the new node has lost them too.
//! caught-by: replace_datanode::replace_datanode_sends_nothing_doubtful

pub fn sendable(replica: &Replica, asked: Block) -> Result<Block, ReplicaError> {
    let there = replica.block;
    if matches!(replica.state, ReplicaState::Temporary | ReplicaState::Rwr) {
        return Err(ReplicaError::NotReadable(there, replica.state));
    }
    if there.generation < asked.generation {
        return Err(ReplicaError::OtherGeneration { asked, there });
    }
    Ok(there)
}
