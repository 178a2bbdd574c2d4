//! What a DataNode may send to a new node of the pipeline that writes its replica (`DataNode.transferReplicaForPipeline`).
//!
//! The new node will stand in the pipeline as if it had always been there. So it must get everything that the
//! pipeline has promised, and nothing that may turn out to be otherwise.

// BEGIN SOLUTION
use crate::block::ReplicaState;

// END SOLUTION
use super::replica_map::{Replica, ReplicaError};
use crate::block::Block;

/// The block as a copy of this replica will be that is sent to a new node of the pipeline: in the replica's generation, and with all that
/// the pipeline has acknowledged. `asked` is the block in the generation that the NameNode knows, with the length that
/// the writer has seen acknowledged. Of several reasons to refuse, the first in this order is told.
///
/// Somebody may be writing the replica still; what is acknowledged does not change.
///
/// # Errors
/// - [`ReplicaError::NotReadable`]: it is a copy under way itself, or waits to be recovered, and nobody knows what of it is
///   good.
/// - [`ReplicaError::OtherGeneration`]: it missed an earlier rebuilding.
/// - [`ReplicaError::TooShort`]: it has lost bytes that were acknowledged.
pub fn sendable(replica: &Replica, asked: Block) -> Result<Block, ReplicaError> {
    // EXERCISE(hdfs/replace-datanode): may a copy of this replica be sent? If so, of which generation and length?
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
    Ok(there)
}
