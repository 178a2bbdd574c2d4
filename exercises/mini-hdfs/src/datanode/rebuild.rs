//! What a DataNode says of its replica when the pipeline that writes it is rebuilt (`FsDatasetImpl.recoverRbw`).
//!
//! Whoever asks has seen one part of the truth, and may have seen it long ago: requests of a writer that has given a pipeline up
//! arrive after those for the next one. The replica itself tells what it is: its generation, and how much of it the whole
//! pipeline has acknowledged.

use super::replica_map::{Replica, ReplicaError};
use crate::block::{Block, GenerationStamp};

/// The replica as it will be once it has joined a rebuilt pipeline: being written by somebody, in the new `generation`, and
/// `acked_len` bytes long, without the checksum of a last chunk. `asked` is the block in the generation that the NameNode
/// knows; its length is not looked at. The replica map sees to `volume` and `len_max`, and asks only when no recovery is under
/// way. Of several reasons to refuse, the first in this order is told.
///
/// A generation between that of `asked` and the new one is as good as that of `asked`: the replica had joined a
/// rebuilding that was given up before the NameNode heard of it.
///
/// # Errors
/// - [`ReplicaError::NotReadable`]: a copy that is under way (`Temporary`) belongs to no pipeline.
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
    let _ = (replica, asked, generation, acked_len);
    todo!("hdfs/pipeline-recovery: may this replica go on? If so, from where?")
}
