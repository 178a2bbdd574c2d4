//! The operations of the edit log (`FSEditLogOp`): every durable change of the namespace, as data.
//!
//! An op says what *was decided*, not what was asked: ids, times and generation stamps are in it, so that
//! replaying it needs no clock, no random source and no DataNode. [`apply`] is the only code that changes what is
//! durable: a live NameNode and one that recovers cannot come to differ.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::blocks::{BlockInfo, BlocksMap};
use super::fsimage::Image;
use super::namespace::{BlockIds, Entries, FileInode, Inode, InodeKind, Namespace, ROOT};
use crate::block::{Block, BlockId, GenerationStamp, InodeId, TxId};
use crate::error::FsError;
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
    /// A file or directory gets another mode.
    SetPermissions {
        /// Which.
        path: String,
        /// The mode, as chmod counts the bits.
        mode: u16,
    },
    /// A file or directory gets another owner, another group, or both.
    SetOwner {
        /// Which.
        path: String,
        /// The new owner; none where he stays.
        owner: Option<String>,
        /// The new group; none where it stays.
        group: Option<String>,
    },
    /// A file's lease passes to another holder, who closes it or writes on.
    ReassignLease {
        /// The file.
        inode: InodeId,
        /// Who holds it from now on.
        holder: String,
    },
}

/// Carries an operation out, live or in recovery, and returns the blocks that it removed: the replicas of these are garbage.
///
/// # Errors
/// Where the operation contradicts what is there. Nothing, or a part of it, has been done then; a live
/// NameNode has checked before, so this means that the log or the program is broken.
pub fn apply(
    op: &EditOp,
    namespace: &mut Namespace,
    blocks: &mut BlocksMap,
) -> Result<Vec<BlockInfo>, FsError> {
    match op {
        EditOp::Mkdir {
            inode,
            path,
            permission,
            time_ms,
        } => {
            let kind = InodeKind::Directory(Entries::new());
            namespace.insert(path, new_inode(*inode, permission, *time_ms, kind))?;
        }
        EditOp::Add {
            inode,
            path,
            permission,
            replication,
            block_size,
            client,
            time_ms,
        } => {
            let kind = InodeKind::File(FileInode {
                replication: *replication,
                block_size: *block_size,
                blocks: BlockIds::new(),
                client: Some(client.clone()),
            });
            namespace.insert(path, new_inode(*inode, permission, *time_ms, kind))?;
        }
        EditOp::AddBlock {
            inode,
            previous,
            block,
        } => add_block(
            namespace.file_mut(*inode)?,
            *inode,
            *previous,
            *block,
            blocks,
        )?,
        EditOp::CommitBlock { inode, block } => {
            commit_last(namespace.file_mut(*inode)?, Some(*block), blocks)?;
        }
        EditOp::UpdateBlocks {
            inode,
            blocks: updated,
        } => {
            return update_blocks(namespace.file_mut(*inode)?, updated, blocks);
        }
        EditOp::Close {
            inode,
            last,
            time_ms,
        } => {
            complete_blocks(namespace.file_mut(*inode)?, *last, blocks)?;
            namespace.close(*inode, *time_ms)?;
        }
        EditOp::Rename { from, to, time_ms } => namespace.rename(from, to, *time_ms)?,
        EditOp::Delete { path, time_ms } => {
            let removed = namespace.delete(path, *time_ms)?;
            return Ok(removed.iter().filter_map(|id| blocks.remove(*id)).collect());
        }
        EditOp::SetReplication { path, replication } => {
            let (inode, _) = namespace.require_file(path)?;
            let file = namespace.file_mut(inode)?;
            file.replication = *replication;
            for id in &file.blocks {
                blocks.set_replication(*id, *replication);
            }
        }
        EditOp::AllocateBlockId(id) => blocks.raise_last_id(*id),
        EditOp::SetGenerationStamp(generation) => blocks.raise_last_generation(*generation),
        EditOp::SetPermissions { path, mode } => {
            namespace.change_permission(path, |permission| permission.mode = *mode)?;
        }
        EditOp::SetOwner { path, owner, group } => {
            namespace.change_permission(path, |permission| {
                if let Some(owner) = owner {
                    permission.owner.clone_from(owner);
                }
                if let Some(group) = group {
                    permission.group.clone_from(group);
                }
            })?;
        }
        EditOp::ReassignLease { inode, holder } => {
            namespace.file_mut(*inode)?.client = Some(holder.clone());
        }
    }
    Ok(Vec::new())
}

/// An inode whose place in the tree is still to be filled in.
fn new_inode(id: InodeId, permission: &Permission, time_ms: u64, kind: InodeKind) -> Inode {
    Inode {
        id,
        parent: ROOT,
        name: Arc::from(""),
        permission: Arc::new(permission.clone()),
        modified_ms: time_ms,
        accessed_ms: time_ms,
        kind,
    }
}

/// Makes generation and length of a file's last block final: it is
/// [`Committed`](super::blocks::BlockState::Committed) from now on. `last` is that block as its writer has left it; none
/// where the file has no block, and then nothing is to be done. A block that is committed or complete already may be
/// named again, exactly as it is, and stays what it is.
///
/// # Errors
/// [`FsError::InvalidArgument`] where `last` is not the file's last block, where `blocks` does not know it, or where it was
/// committed with another generation or length.
fn commit_last(
    file: &FileInode,
    last: Option<Block>,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    let _ = (file, last, blocks);
    todo!(
        "hdfs/replay: check that it is the last block, and commit it unless it is committed already."
    )
}

/// Commits the block before, as [`commit_last`] does, and gives the file a new last block, which is
/// [`UnderConstruction`](super::blocks::BlockState::UnderConstruction) and has the file's replication. `inode` is the file's own id.
///
/// # Errors
/// Those of [`commit_last`].
fn add_block(
    file: &mut FileInode,
    inode: InodeId,
    previous: Option<Block>,
    block: Block,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    let _ = (file, inode, previous, block, blocks);
    todo!(
        "hdfs/replay: commit the block before, then tell both the file and the blocks map of the new one."
    )
}

/// Commits the last block, as [`commit_last`] does, and makes all blocks of the file
/// [`Complete`](super::blocks::BlockState::Complete).
///
/// # Errors
/// Those of [`commit_last`]; [`FsError::InvalidArgument`] where `blocks` does not know one of them.
fn complete_blocks(
    file: &FileInode,
    last: Option<Block>,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    let _ = (file, last, blocks);
    todo!("hdfs/replay: commit the last block, then make every one complete.")
}

/// Gives the file exactly the blocks of `updated`, in this order, with generation and length as they stand there; the state
/// of each stays what it is. Returns what was known of those that the file had and has no more, having taken them out of
/// `blocks`.
///
/// # Errors
/// [`FsError::InvalidArgument`] where `blocks` does not know one of `updated`.
fn update_blocks(
    file: &mut FileInode,
    updated: &[Block],
    blocks: &mut BlocksMap,
) -> Result<Vec<BlockInfo>, FsError> {
    let _ = (file, updated, blocks);
    todo!("hdfs/replay: take over what the op says, and remove the blocks that it says no more.")
}

/// A transaction that cannot be, after those before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contradiction {
    /// Which.
    pub txid: TxId,
    /// Why it cannot be.
    pub error: FsError,
}

/// Brings an image up to date with a part of the log, whose transactions are consecutive. The image may reach into that
/// part, or beyond it: each transaction up to `image.txid` is in the image already, and to apply it again would be wrong.
/// Afterwards `image.txid` is the last transaction that the image holds.
///
/// # Errors
/// [`Contradiction`] at the first transaction that [`apply`] refuses. The image then reaches to the one before it, so far as
/// `image.txid` says; nothing after it is applied.
pub fn replay(ops: &[(TxId, EditOp)], image: &mut Image) -> Result<(), Contradiction> {
    let _ = (ops, image);
    todo!(
        "hdfs/replay: apply each transaction that the image does not hold yet, in order, and count it."
    )
}
