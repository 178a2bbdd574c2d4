//! A file's way from `create` to `complete` (`FSDirWriteFileOp`).
//!
//! A file has one writer, the client that created it: the holder of its lease ([`leases`](super::leases)). It adds one block after the other; by
//! asking for the next one it says how long the one before became, and by `complete` how long the last one did. A block
//! may be *committed* (its length is final) before enough replicas are finalised to call it *complete*; a file
//! is closed only once all its blocks are complete.
//!
//! Answers get lost, so each of these calls but `create` can be repeated: a second `add_block` returns the block of the first, a
//! second `complete` says yes again.

pub(super) mod checks;

use node::{Rng, Time};

use super::NameNode;
use super::blocks::{BlockInfo, BlockState};
use super::edit_op::EditOp;
use super::leases::NAMENODE_HOLDER;
use super::namespace::{FileInode, Inode};
use super::path;
use super::tree::{check_permission, check_who};
use crate::block::{
    Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock,
};
use crate::error::FsError;
use crate::protocol::{
    AddBlockRequest, AdditionalDatanodeRequest, CreateRequest, FileStatus, Permission,
};

/// The most blocks in a file (`dfs.namenode.fs-limits.max-blocks-per-file`).
const BLOCKS_PER_FILE_MAX: usize = 10_000;

/// Block sizes are multiples of this, the bytes under one checksum (`dfs.bytes-per-checksum`).
const BYTES_PER_CHECKSUM: u64 = 512;

/// `ClientProtocol`'s calls for writers.
impl NameNode {
    /// Makes an empty file, open for writing by the caller: he holds its lease. Overwriting takes the place of any file,
    /// also of one that is being written, whose writer then finds it gone.
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::InvalidPath`], [`FsError::InvalidArgument`]; [`FsError::PathIsDirectory`] where a
    /// directory stands there. Where a file does that is not to be overwritten, [`FsError::FileAlreadyExists`] if it is closed,
    /// [`FsError::AlreadyBeingCreated`] if it is being written, and [`FsError::RecoveryInProgress`] if its writer has not been heard for
    /// the soft limit: it is then closed by and by. [`FsError::FileNotFound`] without the directory above, [`FsError::ParentNotDirectory`] where that is a file.
    pub fn create(&mut self, request: &CreateRequest, now: Time) -> Result<FileStatus, FsError> {
        let path = &request.path;
        self.refuse_in_safe_mode("create", path)?;
        path::check(path)?;
        let (replication, block_size) = self.check_create(request)?;
        if let Some(inode) = self.namespace.lookup(path) {
            let file = inode
                .as_file()
                .ok_or_else(|| FsError::PathIsDirectory(path.clone()))?;
            let (id, open) = (inode.id, file.client.is_some());
            if !request.overwrite {
                if open {
                    self.take_over(path, id, &request.client, now)?;
                }
                return Err(FsError::FileAlreadyExists(path.clone()));
            }
            self.log(&EditOp::Delete {
                path: path.clone(),
                time_ms: now.as_millis(),
            })?;
        } else {
            self.make_parents(request, now)?;
        }
        let inode = self.next_inode();
        self.log(&EditOp::Add {
            inode,
            path: path.clone(),
            permission: request.permission.clone(),
            replication,
            block_size,
            client: request.client.clone(),
            time_ms: now.as_millis(),
        })?;
        self.leases.add(&request.client, inode, now);
        Ok(self.file_status(self.namespace.require(path)?, path.clone()))
    }

    /// Checks what can be checked without the tree; returns replication and block size.
    fn check_create(&self, request: &CreateRequest) -> Result<(u16, u64), FsError> {
        check_who("client", &request.client)?;
        if request.client == NAMENODE_HOLDER {
            let reason = format!("no client may be called {NAMENODE_HOLDER}");
            return Err(FsError::InvalidArgument(reason));
        }
        check_permission(&request.permission)?;
        let replication = match request.replication {
            0 => self.config.replication,
            asked => asked,
        };
        self.check_replication(replication)?;
        let block_size = match request.block_size {
            0 => self.config.block_size,
            asked => asked,
        };
        let min = self.config.block_size_min;
        if block_size < min || !block_size.is_multiple_of(BYTES_PER_CHECKSUM) {
            return Err(FsError::InvalidArgument(format!(
                "a block size of {block_size} bytes is below {min} or no multiple of {BYTES_PER_CHECKSUM}"
            )));
        }
        Ok((replication, block_size))
    }

    fn make_parents(&mut self, request: &CreateRequest, now: Time) -> Result<(), FsError> {
        if !request.create_parent {
            return self.namespace.require_parent(&request.path).map(|_| ());
        }
        // The last of them would be the file itself.
        let mut missing = self.namespace.missing_directories(&request.path)?;
        missing.pop();
        let permission = Permission {
            mode: 0o755,
            ..request.permission.clone()
        };
        self.make_directories(missing, &permission, now)
    }

    /// Commits the block before and allocates the next one, with the DataNodes to write it to. The same call again,
    /// before anything was written, returns the same block (`addBlock`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`]; [`FsError::LeaseExpired`] where the caller is not the file's writer;
    /// [`FsError::StaleBlock`] or [`FsError::InvalidArgument`] where `previous` is not the last block as it can be;
    /// [`FsError::NotReplicatedYet`] while a block before that one is not complete; [`FsError::NoDatanodes`].
    pub fn add_block(
        &mut self,
        request: &AddBlockRequest,
        now: Time,
        rng: &mut Rng,
    ) -> Result<LocatedBlock, FsError> {
        let (inode, file) = self.written_file(request.inode, &request.client)?;
        let path = self.namespace.path_of(inode);
        self.refuse_in_safe_mode("add a block to", &path)?;
        let (replication, block_size) = (file.replication, file.block_size);
        if let Some(block) = self.answered_before(file, request.previous) {
            if block.pipeline().is_empty() {
                // The NameNode restarted since, and pipelines are not durable.
                let id = block.block.id;
                let targets =
                    self.choose_pipeline(request, replication, block_size, &path, now, rng)?;
                self.blocks.set_pipeline(id, &targets);
                return self.located_last_block(request.inode, id);
            }
            return self.located_last_block(request.inode, block.block.id);
        }
        self.check_last(file, request.previous)?;
        if file.blocks.len() >= BLOCKS_PER_FILE_MAX {
            let reason = format!("{path} has {BLOCKS_PER_FILE_MAX} blocks, the most there may be");
            return Err(FsError::InvalidArgument(reason));
        }
        let before_last = file.blocks.iter().rev().nth(1);
        if before_last.is_some_and(|id| !self.is_complete(*id)) {
            return Err(FsError::NotReplicatedYet(path));
        }
        let targets = self.choose_pipeline(request, replication, block_size, &path, now, rng)?;
        let block = self.allocate_block()?;
        self.log(&EditOp::AddBlock {
            inode: request.inode,
            previous: request.previous,
            block,
        })?;
        if let Some(previous) = request.previous {
            self.blocks.committed(previous.id, now);
        }
        self.blocks.set_pipeline(block.id, &targets);
        self.located_last_block(request.inode, block.id)
    }

    fn choose_pipeline(
        &mut self,
        request: &AddBlockRequest,
        replication: u16,
        block_size: u64,
        path: &str,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Vec<DatanodeId>, FsError> {
        self.blocks
            .choose_pipeline(request, replication, block_size, now, rng)
            .map_err(|e| FsError::NoDatanodes {
                path: path.to_owned(),
                reason: e.to_string(),
            })
    }

    fn allocate_block(&mut self) -> Result<Block, FsError> {
        let id = BlockId(self.blocks.blocks().last_id().0 + 1);
        self.log(&EditOp::AllocateBlockId(id))?;
        Ok(Block {
            id,
            generation: self.allocate_generation()?,
            len: 0,
        })
    }

    pub(super) fn allocate_generation(&mut self) -> Result<GenerationStamp, FsError> {
        let generation = GenerationStamp(self.blocks.blocks().last_generation().0 + 1);
        self.log(&EditOp::SetGenerationStamp(generation))?;
        Ok(generation)
    }

    /// The last block, if it is the answer that an earlier call with the same `previous` got: still empty, and right after it.
    fn answered_before(&self, file: &FileInode, previous: Option<Block>) -> Option<&BlockInfo> {
        let mut backwards = file.blocks.iter().rev();
        let last = self.blocks.blocks().get(*backwards.next()?)?;
        let before = backwards
            .next()
            .and_then(|id| self.blocks.blocks().get(*id));
        let fresh = last.state == BlockState::UnderConstruction && last.block.len == 0;
        (fresh && before.map(|info| info.block) == previous).then_some(last)
    }

    fn located_last_block(&self, inode: InodeId, id: BlockId) -> Result<LocatedBlock, FsError> {
        let file = self.namespace.get(inode).and_then(Inode::as_file);
        let offset = file.map_or(0, |file| self.file_len(file));
        self.blocks
            .located_pipeline(id, offset)
            .ok_or_else(|| FsError::InvalidArgument(format!("{id} is not being written")))
    }

    /// Gives the last block up: its pipeline could not be set up (`abandonBlock`). One that is not there is no error.
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::LeaseExpired`]; [`FsError::InvalidArgument`] where it is not the last block, or
    /// is committed.
    pub fn abandon_block(
        &mut self,
        inode: InodeId,
        client: &str,
        block: Block,
    ) -> Result<(), FsError> {
        let (_, file) = self.written_file(inode, client)?;
        self.refuse_in_safe_mode("abandon", &block.to_string())?;
        if !file.blocks.contains(&block.id) {
            return Ok(());
        }
        self.last_under_construction(file, block)?;
        let kept = file.blocks.iter().filter(|id| **id != block.id);
        let blocks = self.as_blocks(kept);
        self.log(&EditOp::UpdateBlocks { inode, blocks })
    }

    /// Closes the file. False where its last blocks do not have enough finalised replicas yet: call again (`complete`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`]; [`FsError::LeaseExpired`] where the caller is not the file's writer;
    /// [`FsError::StaleBlock`] or [`FsError::InvalidArgument`] where `last` is not the last block as it can be.
    pub fn complete(
        &mut self,
        inode: InodeId,
        client: &str,
        last: Option<Block>,
        now: Time,
    ) -> Result<bool, FsError> {
        if self.is_closed_with(inode, last) {
            return Ok(true);
        }
        let (_, file) = self.written_file(inode, client)?;
        self.refuse_in_safe_mode("complete", &format!("inode {inode}"))?;
        self.check_last(file, last)?;
        let blocks = file.blocks.clone();
        if let Some(block) = last {
            let state = self.blocks.blocks().get(block.id).map(|info| info.state);
            if state == Some(BlockState::UnderConstruction) {
                self.log(&EditOp::CommitBlock { inode, block })?;
            }
            self.blocks.committed(block.id, now);
        }
        if !blocks.iter().all(|id| self.is_complete(*id)) {
            return Ok(false);
        }
        self.log(&EditOp::Close {
            inode,
            last,
            time_ms: now.as_millis(),
        })?;
        Ok(true)
    }

    /// Names a DataNode that can take the place of one that failed in a block's pipeline. Nothing is changed: it belongs to
    /// the pipeline only after [`NameNode::update_pipeline`] (`getAdditionalDatanode`).
    ///
    /// # Errors
    /// As [`NameNode::update_block_for_pipeline`]; [`FsError::NoDatanodes`].
    pub fn get_additional_datanode(
        &self,
        request: &AdditionalDatanodeRequest,
        now: Time,
        rng: &mut Rng,
    ) -> Result<DatanodeInfo, FsError> {
        let block = request.block;
        let (inode, file) = self.written_file(request.inode, &request.client)?;
        self.refuse_in_safe_mode("add a DataNode to the pipeline of", &block.to_string())?;
        self.check_current(file, block)?;
        let chosen = self
            .blocks
            .choose_additional(request, file.block_size, now, rng);
        let refuse = |reason| FsError::NoDatanodes {
            path: self.namespace.path_of(inode),
            reason,
        };
        let chosen = chosen.map_err(|e| refuse(e.to_string()))?;
        chosen.ok_or_else(|| refuse("the DataNode chosen has just gone".to_owned()))
    }

    /// Hands out a new generation for a block whose pipeline broke. The block has it only after
    /// [`NameNode::update_pipeline`] (`updateBlockForPipeline`).
    ///
    /// # Errors
    /// [`FsError::SafeMode`], [`FsError::LeaseExpired`]; [`FsError::StaleBlock`] or [`FsError::InvalidArgument`] where
    /// `block` is not the last one, under construction, in its current version.
    pub fn update_block_for_pipeline(
        &mut self,
        inode: InodeId,
        client: &str,
        block: Block,
    ) -> Result<GenerationStamp, FsError> {
        let (_, file) = self.written_file(inode, client)?;
        self.refuse_in_safe_mode("rebuild the pipeline of", &block.to_string())?;
        self.check_current(file, block)?;
        self.allocate_generation()
    }

    /// The pipeline was rebuilt of these DataNodes: replicas that missed it are out of date from here on
    /// (`updatePipeline`).
    ///
    /// # Errors
    /// As [`NameNode::update_block_for_pipeline`], for `old`; and where `new` is not a newer version of it.
    pub fn update_pipeline(
        &mut self,
        inode: InodeId,
        client: &str,
        old: Block,
        new: Block,
        pipeline: &[DatanodeId],
    ) -> Result<(), FsError> {
        let (_, file) = self.written_file(inode, client)?;
        self.refuse_in_safe_mode("rebuild the pipeline of", &old.to_string())?;
        let stored = self.last_under_construction(file, old)?.block;
        if stored == new {
            self.blocks.set_pipeline(new.id, pipeline);
        } else {
            self.check_newer(file, stored, old, new)?;
            let mut blocks = self.as_blocks(file.blocks.iter());
            if let Some(last) = blocks.last_mut() {
                *last = new;
            }
            self.log(&EditOp::UpdateBlocks { inode, blocks })?;
            self.blocks.pipeline_rebuilt(stored, pipeline);
        }
        Ok(())
    }
}
