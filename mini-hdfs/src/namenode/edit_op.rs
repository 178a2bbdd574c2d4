//! The operations of the edit log (`FSEditLogOp`): every durable change of the namespace, as data.
//!
//! An op says what *was decided*, not what was asked: ids, times and generation stamps are in it, so that
//! replaying it needs no clock, no random source and no DataNode. [`apply`] is the only code that changes what is
//! durable: a live NameNode and one that recovers cannot come to differ.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::blocks::{BlockInfo, BlockState, BlocksMap};
use super::namespace::{FileInode, Inode, InodeKind, Namespace, ROOT};
use crate::block::{Block, BlockId, GenerationStamp, InodeId};
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
            let kind = InodeKind::Directory(BTreeMap::new());
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
                blocks: Vec::new(),
                client: Some(client.clone()),
            });
            namespace.insert(path, new_inode(*inode, permission, *time_ms, kind))?;
        }
        EditOp::AddBlock {
            inode,
            previous,
            block,
        } => {
            let file = namespace.file_mut(*inode)?;
            commit_last(file, *previous, blocks)?;
            file.blocks.push(block.id);
            blocks.insert(
                *block,
                *inode,
                file.replication,
                BlockState::UnderConstruction,
            );
        }
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
            let file = namespace.file_mut(*inode)?;
            commit_last(file, *last, blocks)?;
            for id in &file.blocks {
                let block = known(blocks, *id)?.block;
                blocks.update(block, BlockState::Complete);
            }
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
    }
    Ok(Vec::new())
}

/// An inode whose place in the tree is still to be filled in.
fn new_inode(id: InodeId, permission: &Permission, time_ms: u64, kind: InodeKind) -> Inode {
    Inode {
        id,
        parent: ROOT,
        name: String::new(),
        permission: permission.clone(),
        modified_ms: time_ms,
        accessed_ms: time_ms,
        kind,
    }
}

fn contradiction(reason: String) -> FsError {
    FsError::InvalidArgument(reason)
}

fn known(blocks: &BlocksMap, id: BlockId) -> Result<&BlockInfo, FsError> {
    blocks
        .get(id)
        .ok_or_else(|| contradiction(format!("{id} does not exist")))
}

/// Makes generation and length of a file's last block final. `last` is none where there is no block.
fn commit_last(
    file: &FileInode,
    last: Option<Block>,
    blocks: &mut BlocksMap,
) -> Result<(), FsError> {
    if file.blocks.last().copied() != last.map(|block| block.id) {
        let reason = format!("{last:?} is not the last block of its file");
        return Err(contradiction(reason));
    }
    let Some(block) = last else {
        return Ok(());
    };
    let info = known(blocks, block.id)?;
    if info.state == BlockState::UnderConstruction {
        blocks.update(block, BlockState::Committed);
    } else if info.block != block {
        let reason = format!("{block} of {} bytes was committed otherwise", block.len);
        return Err(contradiction(reason));
    }
    Ok(())
}

fn update_blocks(
    file: &mut FileInode,
    updated: &[Block],
    blocks: &mut BlocksMap,
) -> Result<Vec<BlockInfo>, FsError> {
    for block in updated {
        let info = known(blocks, block.id)?;
        if info.block != *block {
            let state = info.state;
            blocks.update(*block, state);
        }
    }
    let ids: Vec<BlockId> = updated.iter().map(|block| block.id).collect();
    let kept: BTreeSet<BlockId> = ids.iter().copied().collect();
    let old = std::mem::replace(&mut file.blocks, ids);
    let dropped = old.iter().filter(|id| !kept.contains(id));
    Ok(dropped.filter_map(|id| blocks.remove(*id)).collect())
}
