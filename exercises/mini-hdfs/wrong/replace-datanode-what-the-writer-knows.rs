//! Sends the block as the writer knows it. A reader of the copy may then see less than one of the original; and a replica that had
//! joined a rebuilding is copied into a generation that it does not have any more.
//! caught-by: replace_datanode::replace_datanode_sends_all_that_is_acknowledged

pub fn sendable(replica: &Replica, asked: Block) -> Result<Block, ReplicaError> {
    let there = replica.block;
    if matches!(replica.state, ReplicaState::Temporary | ReplicaState::Rwr) {
        return Err(ReplicaError::NotReadable(there, replica.state));
    }
    if there.generation < asked.generation {
        return Err(ReplicaError::OtherGeneration { asked, there });
    }
    if there.len < asked.len {
        let acked_len = asked.len;
        return Err(ReplicaError::TooShort { there, acked_len });
    }
    Ok(asked)
}
