//! Sends a replica that waits to be recovered: after a crash, what is on the disk is not what was acknowledged.
//! caught-by: replace_datanode::replace_datanode_sends_nothing_doubtful

pub fn sendable(replica: &Replica, asked: Block) -> Result<Block, ReplicaError> {
    let there = replica.block;
    if replica.state == ReplicaState::Temporary {
        return Err(ReplicaError::NotReadable(there, replica.state));
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
