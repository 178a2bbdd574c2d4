//! The NameNode's core. (The essay is written when the parts are there.)
#![allow(unused_variables, clippy::todo, missing_docs)] // TODO(B): goes away with the bodies.

pub mod block_manager;
pub mod blocks;
pub mod config;
pub mod edit_log;
pub mod edit_op;
pub mod fsimage;
pub mod group_commit;
pub mod namespace;
pub mod path;
pub mod placement;
pub mod storage;

use node::{Disk, Rng, Time};

use crate::block::{Block, DatanodeId, DatanodeInfo, GenerationStamp, InodeId, LocatedBlock, TxId};
use crate::error::FsError;
use crate::protocol::*;
pub use config::Config;
pub use group_commit::{Batch, Roll};
pub use storage::{StorageError, checkpoint};

/// The NameNode's core (`FSNamesystem`): every decision that it takes, and nothing else.
///
/// Durability: a method that changes the namespace has logged the change when it returns, but not made it durable. The
/// caller notes [`NameNode::last_txid`] under the same lock and answers nobody before that transaction is synced -- readers
/// too, since what they saw may not be durable yet.
#[derive(Debug)]
pub struct NameNode {
    config: Config,
}

impl NameNode {
    // ---- storage
    // refuses when formatted already; the generator draws the namespace id
    pub fn format(disk: &mut dyn Disk, rng: &mut Rng) -> Result<(), StorageError> {
        todo!()
    }
    pub fn load(config: Config, disk: &mut dyn Disk, now: Time) -> Result<NameNode, StorageError> {
        todo!()
    }
    pub fn last_txid(&self) -> TxId {
        todo!()
    }
    // none: nothing to do, or a sync is under way. Ask after every call that may have logged, and after tick
    // (which may have asked for a roll).
    pub fn begin_sync(&mut self) -> Option<Batch> {
        todo!()
    }
    pub fn end_sync(&mut self, batch: &Batch) {
        todo!()
    }
    pub fn synced_txid(&self) -> TxId {
        todo!()
    }

    // the answer to a batch with `roll`: the result of `checkpoint`, none if it failed (it is tried again later)
    pub fn end_checkpoint(&mut self, image: Option<TxId>, now: Time) {
        todo!()
    }

    // ---- ClientProtocol
    pub fn mkdirs(
        &mut self,
        path: &str,
        create_parent: bool,
        permission: &Permission,
        now: Time,
    ) -> Result<(), FsError> {
        todo!()
    }
    pub fn create(&mut self, request: &CreateRequest, now: Time) -> Result<FileStatus, FsError> {
        todo!()
    }
    pub fn add_block(
        &mut self,
        request: &AddBlockRequest,
        now: Time,
        rng: &mut Rng,
    ) -> Result<LocatedBlock, FsError> {
        todo!()
    }
    pub fn abandon_block(
        &mut self,
        inode: InodeId,
        client: &str,
        block: Block,
    ) -> Result<(), FsError> {
        todo!()
    }
    // false: not yet, call again
    pub fn complete(
        &mut self,
        inode: InodeId,
        client: &str,
        last: Option<Block>,
        now: Time,
    ) -> Result<bool, FsError> {
        todo!()
    }
    pub fn update_block_for_pipeline(
        &mut self,
        inode: InodeId,
        client: &str,
        block: Block,
    ) -> Result<GenerationStamp, FsError> {
        todo!()
    }
    pub fn update_pipeline(
        &mut self,
        inode: InodeId,
        client: &str,
        old: Block,
        new: Block,
        pipeline: &[DatanodeId],
    ) -> Result<(), FsError> {
        todo!()
    }
    pub fn get_block_locations(
        &self,
        path: &str,
        offset: u64,
        len: u64,
        reader_host: Option<&str>,
        now: Time,
        rng: &mut Rng,
    ) -> Result<LocatedBlocks, FsError> {
        todo!()
    }
    pub fn report_bad_block(&mut self, block: Block, datanode: DatanodeId) -> Result<(), FsError> {
        todo!()
    }
    pub fn rename(&mut self, from: &str, to: &str, now: Time) -> Result<(), FsError> {
        todo!()
    }
    // false: was not there
    pub fn delete(&mut self, path: &str, recursive: bool, now: Time) -> Result<bool, FsError> {
        todo!()
    }
    pub fn set_replication(&mut self, path: &str, replication: u16) -> Result<(), FsError> {
        todo!()
    }
    pub fn get_file_info(&self, path: &str) -> Result<Option<FileStatus>, FsError> {
        todo!()
    }
    pub fn get_listing(&self, path: &str, start_after: &str) -> Result<Listing, FsError> {
        todo!()
    }
    pub fn get_content_summary(&self, path: &str) -> Result<ContentSummary, FsError> {
        todo!()
    }
    pub fn fsck(
        &self,
        path: &str,
        start_after: &str, /* full path of the last file seen */
        limit: usize,
        now: Time,
    ) -> Result<Vec<FsckFile>, FsError> {
        todo!()
    }
    pub fn set_safe_mode(&mut self, on: bool, now: Time) {
        todo!()
    }
    pub fn safe_mode(&self) -> Option<String> {
        todo!()
    }
    pub fn datanode_report(&self, now: Time) -> Vec<DatanodeReport> {
        todo!()
    }
    pub fn status(&self, now: Time) -> FsStatus {
        todo!()
    }

    // ---- DatanodeProtocol
    pub fn register_datanode(
        &mut self,
        info: DatanodeInfo,
        now: Time,
        rng: &mut Rng,
    ) -> Result<RegistrationId, FsError> {
        todo!()
    }
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> Vec<Command> {
        todo!()
    }
    pub fn block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        replicas: &[ReportedReplica],
        now: Time,
    ) -> Result<(), FsError> {
        todo!()
    }
    pub fn incremental_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        events: &[BlockEvent],
        now: Time,
    ) -> Result<(), FsError> {
        todo!()
    }

    // ---- timers: call every replication_interval or more often
    pub fn tick(&mut self, now: Time, rng: &mut Rng) {
        todo!()
    }
}
