//! The blocks map: which file a block belongs to, its state, and where its replicas are
//! (`BlocksMap`, `BlockInfo`). Only the id, generation and length of a block are durable, through the
//! edit log; where the replicas are is learnt from block reports alone.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::block::{Block, BlockId, DatanodeId, GenerationStamp, InodeId};

/// How far a block is on its way to being unchangeable (`BlockUCState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BlockState {
    /// A client is writing it.
    UnderConstruction,
    /// The client has said its length, but fewer than the minimum of replicas are finalised.
    Committed,
    /// Length and generation are final, and the minimum of replicas was finalised.
    Complete,
}

/// What the NameNode knows of one block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Id, generation and, once committed, length.
    pub block: Block,
    /// The file that it belongs to.
    pub inode: InodeId,
    /// How many replicas it should have.
    pub replication: u16,
    /// How far it is.
    pub state: BlockState,
    /// DataNodes with a finalised replica of this generation and length, sorted. While the block is
    /// under construction: those that have reported theirs finalised.
    pub replicas: Vec<DatanodeId>,
    /// DataNodes whose replica is corrupt or of a wrong generation or length, sorted. None of them is in
    /// `replicas`.
    pub corrupt: Vec<DatanodeId>,
    /// While the block is under construction: the pipeline that writes it.
    pub pipeline: Vec<DatanodeId>,
}

/// All blocks of the file system.
#[derive(Clone, Debug, Default)]
pub struct BlocksMap {
    blocks: BTreeMap<BlockId, BlockInfo>,
    /// The blocks of which each DataNode holds a replica, good or corrupt.
    by_datanode: BTreeMap<DatanodeId, BTreeSet<BlockId>>,
    last_id: BlockId,
    last_generation: GenerationStamp,
}
