//! The block half of the NameNode (`BlockManager`): it ties the decisions of its neighbour modules together.
#![allow(unused_variables, clippy::todo, dead_code)]

use node::{Rng, Time};

use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, GenerationStamp, LocatedBlock};
use crate::error::FsError;
use crate::namenode::blocks::BlocksMap;
use crate::namenode::config::Config;
use crate::namenode::placement::PlacementError;
use crate::protocol::{
    AddBlockRequest, BlockEvent, Command, DatanodeReport, FsStatus, FsckBlock, Heartbeat,
    RegistrationId, ReportedReplica,
};

/// Blocks, DataNodes, and what must be copied or deleted.
#[derive(Debug)]
pub struct BlockManager {
    config: Config,
    blocks: BlocksMap,
}

/// For the namespace.
impl BlockManager {
    /// Begins with the blocks that the edit log names, none of them reported yet, in safe mode if there are any.
    pub fn new(config: &Config, blocks: BlocksMap, now: Time) -> BlockManager {
        BlockManager {
            config: config.clone(),
            blocks,
        }
    }

    /// The blocks as they are now.
    pub fn blocks(&self) -> &BlocksMap {
        &self.blocks
    }

    /// Makes a new block under construction, with a new id and generation, and chooses its pipeline
    /// ([`BlockManager::located_pipeline`]).
    ///
    /// # Errors
    /// When no DataNode can take it; then nothing has changed.
    pub fn add_block(
        &mut self,
        request: &AddBlockRequest,
        replication: u16,
        block_size: u64,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Block, PlacementError> {
        todo!()
    }

    /// The block for its writer: its pipeline in order. None if there is no such block.
    pub fn located_pipeline(&self, id: BlockId, offset: u64) -> Option<LocatedBlock> {
        todo!()
    }

    /// The block for a reader on the machine `reader_host`: good replicas, nearest first. None if there is no such block.
    pub fn located_block(
        &self,
        id: BlockId,
        offset: u64,
        reader_host: Option<&str>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<LocatedBlock> {
        todo!()
    }

    /// The writer has finished the block: its generation and length are final. It becomes complete now or when
    /// enough replicas are reported. Doing it again changes nothing.
    ///
    /// # Errors
    /// `StaleBlock` when the generation, or the length of a block committed before, is another one.
    pub fn commit(&mut self, block: Block, now: Time) -> Result<(), FsError> {
        todo!()
    }

    /// Hands out a generation stamp, for a pipeline that is to be rebuilt.
    pub fn next_generation(&mut self) -> GenerationStamp {
        self.blocks.next_generation()
    }

    /// The pipeline of a block under construction was rebuilt under a new generation. Doing it again changes nothing.
    ///
    /// # Errors
    /// `StaleBlock` when the block is not under construction or `old` is not its generation.
    pub fn update_pipeline(
        &mut self,
        old: Block,
        new: Block,
        pipeline: &[DatanodeId],
    ) -> Result<(), FsError> {
        todo!()
    }

    /// These blocks belong to no file any more: their replicas are deleted by and by.
    pub fn remove(&mut self, blocks: &[BlockId]) {
        todo!()
    }

    /// These blocks should have this many replicas.
    pub fn set_replication(&mut self, blocks: &[BlockId], replication: u16) {
        todo!()
    }

    /// A reader found a replica whose bytes do not match their checksums.
    pub fn report_bad_block(&mut self, block: Block, datanode: DatanodeId) {
        todo!()
    }

    /// The block as `fsck` shows it. None if there is no such block.
    pub fn fsck(&self, id: BlockId, now: Time) -> Option<FsckBlock> {
        todo!()
    }

    /// Why safe mode is on, and what turns it off. None when it is off.
    pub fn safe_mode(&self) -> Option<String> {
        todo!()
    }

    /// Turns safe mode on or off by hand.
    pub fn set_safe_mode(&mut self, on: bool, now: Time) {
        todo!()
    }

    /// Fills in what `FsStatus` says of blocks, DataNodes and safe mode; leaves the rest alone.
    pub fn fill_status(&self, status: &mut FsStatus, now: Time) {
        todo!()
    }
}

/// For DataNodes and timers.
impl BlockManager {
    /// A DataNode introduces itself.
    ///
    /// # Errors
    /// `InvalidArgument` when its rack is no path.
    pub fn register(
        &mut self,
        info: DatanodeInfo,
        now: Time,
        rng: &mut Rng,
    ) -> Result<RegistrationId, FsError> {
        todo!()
    }

    /// A DataNode lives; the answer is what it shall do.
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> Vec<Command> {
        todo!()
    }

    /// All the replicas that a DataNode has.
    ///
    /// # Errors
    /// `UnregisteredNode` when `registration` is not its current one.
    pub fn block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        replicas: &[ReportedReplica],
        now: Time,
    ) -> Result<(), FsError> {
        todo!()
    }

    /// What has changed on a DataNode, in order.
    ///
    /// # Errors
    /// `UnregisteredNode` when `registration` is not its current one.
    pub fn incremental_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        events: &[BlockEvent],
        now: Time,
    ) -> Result<(), FsError> {
        todo!()
    }

    /// All DataNodes that are known, dead ones included.
    pub fn datanode_reports(&self, now: Time) -> Vec<DatanodeReport> {
        todo!()
    }

    /// Finds dead DataNodes, leaves safe mode, and decides what to copy and to delete next.
    pub fn tick(&mut self, now: Time, rng: &mut Rng) {
        todo!()
    }
}
