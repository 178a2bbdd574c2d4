//! The block half of the NameNode (`BlockManager`): it ties the decisions of its neighbour modules together.
#![allow(unused_variables, clippy::todo, dead_code)]

use node::{Rng, Time};

use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, LocatedBlock};
use crate::error::FsError;
use crate::namenode::blocks::{BlockInfo, BlocksMap};
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

    /// The durable half, for `edit_op::apply`, which alone changes ids, generations, lengths, states and replication. What
    /// follows from such a change for replicas is told by the methods below, right after it.
    pub fn blocks_mut(&mut self) -> &mut BlocksMap {
        &mut self.blocks
    }

    /// Chooses the DataNodes that a new block shall be written to.
    ///
    /// # Errors
    /// When none can take it.
    pub fn choose_pipeline(
        &mut self,
        request: &AddBlockRequest,
        replication: u16,
        block_size: u64,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Vec<DatanodeId>, PlacementError> {
        todo!()
    }

    /// The block is now written by this pipeline: it is new, or its pipeline was rebuilt and its generation raised. What
    /// was reported of replicas of an older generation does not count any more.
    pub fn set_pipeline(&mut self, id: BlockId, pipeline: &[DatanodeId]) {
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

    /// The block has been committed: generation and length are final. It becomes complete now or when enough replicas
    /// are reported. Doing it again changes nothing.
    pub fn committed(&mut self, id: BlockId, now: Time) {
        todo!()
    }

    /// These blocks were taken out of the map: they belong to no file any more, and their replicas are deleted by and by.
    pub fn removed(&mut self, blocks: &[BlockInfo]) {
        todo!()
    }

    /// These blocks should have more or fewer replicas than before.
    pub fn replication_changed(&mut self, blocks: &[BlockId]) {
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
