//! What a DataNode says of its replica when the pipeline that writes it is rebuilt (`FsDatasetImpl.recoverRbw`,
//! `DataNode.transferReplicaForPipeline`).
//!
//! Whoever asks has seen one part of the truth, and may have seen it long ago: requests of a writer that has given a pipeline up
//! arrive after those for the next one. The replica itself tells what it is: its generation, and how much of it the whole
//! pipeline has acknowledged.

use super::replica_map::{Replica, ReplicaError};
use crate::block::{Block, GenerationStamp, ReplicaState};

/// The replica as it will be once it has joined a rebuilt pipeline: being written by somebody, in the new `generation`, and
/// `acked_len` bytes long, without the checksum of a last chunk. `asked` is the block in the generation that the NameNode
/// knows; its length is not looked at. Of several reasons to refuse, the first in this order is told.
///
/// A generation between that of `asked` and the new one is as good as that of `asked`: the replica had joined a
/// rebuilding that was given up before the NameNode heard of it.
///
/// # Errors
/// - [`ReplicaError::NotReadable`]: a copy that is under way ([`ReplicaState::Temporary`]) belongs to no pipeline.
/// - [`ReplicaError::OtherGeneration`], with the block `asked` in the new generation: the replica missed an earlier
///   rebuilding, or it has joined this one or a later one already.
/// - [`ReplicaError::Busy`]: somebody is still writing it.
/// - [`ReplicaError::TooShort`]: it has lost bytes that were acknowledged.
pub fn recovered(
    replica: &Replica,
    asked: Block,
    generation: GenerationStamp,
    acked_len: u64,
) -> Result<Replica, ReplicaError> {
    // EXERCISE(hdfs/pipeline-recovery): may this replica go on? If so, from where?
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
        len: acked_len,
    };
    Ok(Replica {
        writing: true,
        ..Replica::new(block, ReplicaState::Rbw)
    })
}

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
