//! Who may say what about a file that is being written.

use crate::block::{Block, BlockId, InodeId};
use crate::error::FsError;
use crate::namenode::NameNode;
use crate::namenode::blocks::{BlockInfo, BlockState};
use crate::namenode::namespace::{FileInode, Inode};
use crate::protocol::CreateRequest;

fn stale(block: Block, reason: impl Into<String>) -> FsError {
    FsError::StaleBlock {
        block: block.to_string(),
        reason: reason.into(),
    }
}

impl NameNode {
    /// The open file that `client` is writing.
    pub(super) fn written_file(
        &self,
        inode: InodeId,
        client: &str,
    ) -> Result<(&Inode, &FileInode), FsError> {
        let refuse = |path: String, reason: String| FsError::LeaseExpired {
            path,
            client: client.to_owned(),
            reason,
        };
        let found = self.namespace.get(inode);
        let Some((found, file)) = found.and_then(|inode| Some((inode, inode.as_file()?))) else {
            return Err(refuse(
                format!("inode {inode}"),
                "it was deleted".to_owned(),
            ));
        };
        match &file.client {
            Some(holder) if holder == client => Ok((found, file)),
            Some(holder) => {
                let reason = format!("{holder} is writing it");
                Err(refuse(self.namespace.path_of(found), reason))
            }
            None => Err(refuse(
                self.namespace.path_of(found),
                "it is closed".to_owned(),
            )),
        }
    }

    /// Whether `claimed` can be the file's last block, finished.
    pub(super) fn check_last(
        &self,
        file: &FileInode,
        claimed: Option<Block>,
    ) -> Result<(), FsError> {
        let last = file
            .blocks
            .last()
            .and_then(|id| self.blocks.blocks().get(*id));
        let (info, block) = match (last, claimed) {
            (None, None) => return Ok(()),
            (Some(info), Some(block)) if info.block.id == block.id => (info, block),
            (last, claimed) => {
                let name =
                    |block: Option<Block>| block.map_or("none".to_owned(), |b| b.to_string());
                return Err(FsError::InvalidArgument(format!(
                    "the file's last block is {}, but the caller says {}",
                    name(last.map(|info| info.block)),
                    name(claimed)
                )));
            }
        };
        if info.block.generation != block.generation {
            return Err(stale(block, format!("the current one is {}", info.block)));
        }
        if info.state != BlockState::UnderConstruction && info.block.len != block.len {
            let reason = format!(
                "it was committed with {} bytes, not {}",
                info.block.len, block.len
            );
            return Err(stale(block, reason));
        }
        check_len(file, block, info.block.len)
    }

    /// The file's last block, if it has the id of `block` and is under construction.
    pub(super) fn last_under_construction(
        &self,
        file: &FileInode,
        block: Block,
    ) -> Result<&BlockInfo, FsError> {
        if file.blocks.last() != Some(&block.id) {
            let reason = format!("{block} is not the last block of its file");
            return Err(FsError::InvalidArgument(reason));
        }
        let info = self.blocks.blocks().get(block.id);
        info.filter(|info| info.state == BlockState::UnderConstruction)
            .ok_or_else(|| {
                FsError::InvalidArgument(format!("{block} is not being written any more"))
            })
    }

    /// Whether `block` is the file's last one, under construction, in its current generation.
    pub(super) fn check_current(&self, file: &FileInode, block: Block) -> Result<(), FsError> {
        let current = self.last_under_construction(file, block)?.block;
        if current.generation == block.generation {
            return Ok(());
        }
        Err(stale(block, format!("the current one is {current}")))
    }

    pub(super) fn is_complete(&self, id: BlockId) -> bool {
        let info = self.blocks.blocks().get(id);
        info.is_some_and(|info| info.state == BlockState::Complete)
    }

    pub(super) fn as_blocks<'a>(&self, ids: impl Iterator<Item = &'a BlockId>) -> Vec<Block> {
        ids.filter_map(|id| self.blocks.blocks().get(*id))
            .map(|info| info.block)
            .collect()
    }

    pub(super) fn check_newer(
        &self,
        file: &FileInode,
        stored: Block,
        old: Block,
        new: Block,
    ) -> Result<(), FsError> {
        if stored.generation != old.generation {
            return Err(stale(old, format!("the current one is {stored}")));
        }
        let handed_out = new.generation <= self.blocks.blocks().last_generation();
        if new.id != old.id || new.generation <= old.generation || !handed_out {
            return Err(stale(new, format!("it is no newer version of {old}")));
        }
        check_len(file, new, stored.len)
    }

    pub(super) fn is_closed_with(&self, inode: InodeId, last: Option<Block>) -> bool {
        let file = self.namespace.get(inode).and_then(Inode::as_file);
        file.is_some_and(|file| {
            let id = file.blocks.last();
            let block = id
                .and_then(|id| self.blocks.blocks().get(*id))
                .map(|info| info.block);
            file.client.is_none() && block == last
        })
    }
}

pub(super) fn check_replaceable(file: &FileInode, request: &CreateRequest) -> Result<(), FsError> {
    match &file.client {
        Some(holder) if *holder != request.client || !request.overwrite => {
            Err(FsError::AlreadyBeingCreated {
                path: request.path.clone(),
                holder: holder.clone(),
            })
        }
        _ if request.overwrite => Ok(()),
        _ => Err(FsError::FileAlreadyExists(request.path.clone())),
    }
}

pub(super) fn check_len(file: &FileInode, block: Block, least: u64) -> Result<(), FsError> {
    if (least..=file.block_size).contains(&block.len) {
        return Ok(());
    }
    Err(FsError::InvalidArgument(format!(
        "{block} cannot have {} bytes: it has {least} at least, and the block size is {}",
        block.len, file.block_size
    )))
}
