//! The operations of the edit log (`FSEditLogOp`): every durable change of the namespace, as data.
//!
//! An op says what *was decided*, not what was asked: ids, times and generation stamps are in it, so that
//! replaying it needs no clock, no random source and no DataNode.

use serde::{Deserialize, Serialize};

use crate::block::{Block, BlockId, GenerationStamp, InodeId};
use crate::protocol::Permission;

/// One durable change. The variants bear HDFS's names, less `OP_`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EditOp {
    /// A directory, and with it its missing ancestors, in order from the top; one op each.
    Mkdir {
        /// The new inode.
        inode: InodeId,
        /// Its full path; the parent exists.
        path: String,
        /// Owner, group, mode.
        permission: Permission,
        /// Milliseconds since the epoch.
        time_ms: u64,
    },
    /// A new file, open for writing. What stood at its path was removed by a `Delete` before it.
    Add {
        /// The new inode.
        inode: InodeId,
        /// Its full path; the parent exists.
        path: String,
        /// Owner, group, mode.
        permission: Permission,
        /// Replicas of each block.
        replication: u16,
        /// Bytes in a block.
        block_size: u64,
        /// Who writes it.
        client: String,
        /// Milliseconds since the epoch.
        time_ms: u64,
    },
    /// A new last block for a file, and the final generation and length of the one before it.
    AddBlock {
        /// The file.
        inode: InodeId,
        /// The block before, now committed.
        previous: Option<Block>,
        /// The new one, of length 0.
        block: Block,
    },
    /// The length of a file's last block is final, but the file cannot be closed yet.
    CommitBlock {
        /// The file.
        inode: InodeId,
        /// Its last block, with its final generation and length.
        block: Block,
    },
    /// The last block of a file is given up, or its pipeline was rebuilt under a new generation.
    UpdateBlocks {
        /// The file.
        inode: InodeId,
        /// All its blocks as they are now.
        blocks: Vec<Block>,
    },
    /// A file is finished.
    Close {
        /// The file.
        inode: InodeId,
        /// Its last block, with its final generation and length.
        last: Option<Block>,
        /// Milliseconds since the epoch.
        time_ms: u64,
    },
    /// A file or directory moves. The destination is the full new path, and does not exist.
    Rename {
        /// From here.
        from: String,
        /// To here.
        to: String,
        /// Milliseconds since the epoch.
        time_ms: u64,
    },
    /// A file, or a directory with all that is in it, goes away.
    Delete {
        /// Which.
        path: String,
        /// Milliseconds since the epoch.
        time_ms: u64,
    },
    /// A file's blocks get more or fewer replicas.
    SetReplication {
        /// Which file.
        path: String,
        /// How many.
        replication: u16,
    },
    /// The highest block id handed out.
    AllocateBlockId(BlockId),
    /// The highest generation stamp handed out.
    SetGenerationStamp(GenerationStamp),
}
