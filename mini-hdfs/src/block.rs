//! The nouns that every part of the system shares: blocks, replicas, DataNodes.

use std::fmt::{self, Debug, Display};

use serde::{Deserialize, Serialize};

macro_rules! number {
    ($(#[$doc:meta])* $name:ident, $format:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub u64);

        impl Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, $format, self.0)
            }
        }

        impl Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Display::fmt(self, f)
            }
        }
    };
}

number! {
    /// Names a block, for ever: ids are handed out in order and never used again.
    BlockId, "blk_{}"
}
number! {
    /// The version of a block's contents (`generationStamp`). It is raised, for the whole file system,
    /// each time a pipeline is rebuilt, so that a replica that missed the rebuilding is known by its
    /// old stamp however long it was away.
    GenerationStamp, "{}"
}
number! {
    /// Names an inode: a file or a directory. The root's is 16385, as in HDFS.
    InodeId, "{}"
}
number! {
    /// A transaction of the edit log. The first one is 1.
    TxId, "{}"
}
number! {
    /// Names a DataNode through restarts and changes of address: drawn at random when its storage is
    /// formatted and kept there (HDFS's `datanodeUuid`).
    DatanodeId, "{:016x}"
}

number! {
    /// Names a volume of a DataNode for ever, wherever it is mounted: drawn at random when it is formatted (HDFS's
    /// `storageID`).
    StorageId, "DS-{:016x}"
}

impl GenerationStamp {
    /// The stamp of a file system without blocks (`GenerationStamp.LAST_RESERVED_STAMP`).
    pub const FIRST: GenerationStamp = GenerationStamp(1000);
}

/// A block in one version of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Block {
    /// Which block.
    pub id: BlockId,
    /// Which version of it.
    pub generation: GenerationStamp,
    /// Its length in bytes, as far as whoever speaks of it knows.
    pub len: u64,
}

impl Block {
    /// A block of `len` bytes.
    pub const fn new(id: u64, generation: u64, len: u64) -> Block {
        Block {
            id: BlockId(id),
            generation: GenerationStamp(generation),
            len,
        }
    }
}

impl Display for Block {
    /// `blk_1073741825_1001`, as HDFS's logs and `fsck` write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.id, self.generation)
    }
}

/// The state of one replica on one DataNode (`HdfsServerConstants.ReplicaState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ReplicaState {
    /// Written and closed; its bytes and length do not change any more.
    Finalized,
    /// Being written by a client (replica being written).
    Rbw,
    /// Found on the disk after a restart in the middle of a write (replica waiting to be recovered).
    Rwr,
    /// Being copied from another DataNode. Thrown away at a restart.
    Temporary,
}

/// How to reach a DataNode, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DatanodeInfo {
    /// Which one.
    pub id: DatanodeId,
    /// The name of its machine, by which a writer's own node is recognised.
    pub hostname: String,
    /// Where it serves block data: `127.0.0.1:9866`.
    pub address: String,
    /// Its place in the network, from the root down: `/rack1` or `/dc1/rack1`.
    pub rack: String,
}

/// A block and where to read or write it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocatedBlock {
    /// The block; its length is 0 while it is new.
    pub block: Block,
    /// Where it begins in its file, in bytes.
    pub offset: u64,
    /// For a reader: DataNodes with a good replica, nearest first. For a writer: the pipeline in order.
    pub locations: Vec<DatanodeInfo>,
    /// Every replica that is known is corrupt; `locations` names them all the same, as a last resort.
    pub corrupt: bool,
    /// The block is still being written: its length is what the DataNodes have acknowledged.
    pub under_construction: bool,
}
