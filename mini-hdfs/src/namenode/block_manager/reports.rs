//! What DataNodes tell the NameNode, and the commands that it answers with.

use std::collections::BTreeSet;

use node::{Rng, Time};

use super::BlockManager;
use super::redundancy::may_delete;
use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, ReplicaState};
use crate::error::FsError;
use crate::namenode::block_report::{Verdict, judge_replica, report_diff};
use crate::namenode::topology::check_rack;
use crate::protocol::{BlockEvent, Command, Heartbeat, RegistrationId, ReportedReplica};

impl BlockManager {
    /// A DataNode introduces itself. What it was told under an earlier registration is void.
    ///
    /// # Errors
    /// `InvalidArgument` when its rack is no path.
    pub fn register(
        &mut self,
        info: DatanodeInfo,
        now: Time,
        rng: &mut Rng,
    ) -> Result<RegistrationId, FsError> {
        check_rack(&info.rack).map_err(FsError::InvalidArgument)?;
        let id = info.id;
        let registered = self.datanodes.register(info, now, rng);
        if let Some(replaced) = registered.replaced {
            self.lose_datanode(replaced);
            self.leaving.remove(&replaced);
            self.blocks.set_away(replaced, None);
        }
        self.void_copies(id);
        self.invalidates.resend(id);
        self.obey_operator(id, now);
        self.note_racks();
        Ok(registered.registration)
    }

    /// A DataNode lives; the answer is what it shall do.
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> Vec<Command> {
        if !self.datanodes.heartbeat(heartbeat, now) {
            return vec![Command::Register];
        }
        if self.safe_mode.is_on() {
            return Vec::new();
        }
        let id = heartbeat.id;
        let mut commands = Vec::new();
        for transfer in self.transfers.remove(&id).unwrap_or_default() {
            let block = transfer.block;
            // Since it was decided, a target may have died or the block been deleted.
            let wanted: Vec<DatanodeId> = self.pending.targets(block.id).collect();
            let targets = transfer
                .targets
                .into_iter()
                .filter(|id| wanted.contains(id));
            let targets = self.infos(&targets.collect::<Vec<_>>());
            if !targets.is_empty() {
                commands.push(Command::Transfer { block, targets });
            }
        }
        let blocks = &self.blocks;
        let invalidate = self.invalidates.take(
            id,
            self.config.invalidate_limit,
            now,
            10 * self.config.heartbeat_interval,
            |block| may_delete(blocks.get(block.id), id),
        );
        if !invalidate.is_empty() {
            commands.push(Command::Invalidate(invalidate));
        }
        commands
    }

    /// All the replicas that a DataNode has. It must have been sent after all events before it.
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
        self.datanodes.check(datanode, registration)?;
        let diff = report_diff(&self.blocks, datanode, replicas);
        let reported: BTreeSet<BlockId> = replicas.iter().map(|replica| replica.block.id).collect();
        let unconfirmed = self.invalidates.blocks_of(datanode);
        let deleted: Vec<BlockId> = unconfirmed.filter(|id| !reported.contains(id)).collect();
        for id in deleted {
            self.invalidates.remove(datanode, id);
        }
        for id in diff.to_remove {
            self.blocks.remove_replica(id, datanode);
            self.refresh(id);
        }
        for block in diff.to_add {
            self.add_replica(block.id, datanode, now);
        }
        for block in diff.to_corrupt {
            self.blocks.add_corrupt(block, datanode);
            self.refresh(block.id);
        }
        for replica in &diff.under_construction {
            self.note_written(replica, datanode);
        }
        for block in diff.to_invalidate {
            self.invalidates.add(datanode, block);
        }
        if self.datanodes.set_reported(datanode) {
            // Its replicas may be counted as too many only from now on.
            self.walk(datanode);
        }
        Ok(())
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
        self.datanodes.check(datanode, registration)?;
        for event in events {
            let (block, state) = match *event {
                BlockEvent::Receiving(block) => (block, ReplicaState::Rbw),
                BlockEvent::Received(block) => (block, ReplicaState::Finalized),
                BlockEvent::Deleted(block) => {
                    self.note_deleted(block, datanode);
                    continue;
                }
            };
            let replica = ReportedReplica { block, state };
            match judge_replica(self.blocks.get(block.id), datanode, &replica) {
                Verdict::Add => self.add_replica(block.id, datanode, now),
                Verdict::Keep => {}
                Verdict::UnderConstruction => self.note_written(&replica, datanode),
                Verdict::Corrupt => {
                    self.blocks.add_corrupt(block, datanode);
                    self.refresh(block.id);
                }
                Verdict::Invalidate => self.invalidates.add(datanode, block),
            }
        }
        Ok(())
    }

    fn add_replica(&mut self, id: BlockId, datanode: DatanodeId, now: Time) {
        // A deletion that is still unconfirmed was meant for an older replica.
        self.invalidates.remove(datanode, id);
        self.pending.end(id, datanode);
        self.blocks.add_replica(id, datanode);
        self.complete_if_enough(id, now);
        self.refresh(id);
    }

    fn note_written(&mut self, replica: &ReportedReplica, datanode: DatanodeId) {
        let block = replica.block;
        let Some(info) = self.blocks.get(block.id) else {
            return;
        };
        let current = block.generation == info.block.generation;
        if !info.pipeline.contains(&datanode) {
            // The NameNode has restarted since it made the pipeline, which is not durable.
            let mut pipeline = info.pipeline.clone();
            pipeline.push(datanode);
            self.blocks.set_pipeline(block.id, pipeline);
        }
        if current && replica.state == ReplicaState::Finalized {
            self.blocks.add_early(block, datanode);
        }
    }

    fn note_deleted(&mut self, block: Block, datanode: DatanodeId) {
        let confirmed = self.invalidates.generation(datanode, block.id);
        if confirmed.is_some_and(|generation| block.generation <= generation) {
            self.invalidates.remove(datanode, block.id);
        }
        let Some(info) = self.blocks.get(block.id) else {
            return;
        };
        // A newer replica that is known has come after the one that was deleted.
        let held = match info.corrupt.get(&datanode) {
            Some(corrupt) => corrupt.generation,
            None => info.block.generation,
        };
        if block.generation >= held && self.blocks.remove_replica(block.id, datanode) {
            self.refresh(block.id);
        }
    }

    /// A DataNode has died or was replaced: what it held does not count any more.
    pub(super) fn lose_datanode(&mut self, datanode: DatanodeId) {
        self.invalidates.remove_datanode(datanode);
        self.walks.remove(&datanode);
        let held: Vec<BlockId> = self.blocks.blocks_of(datanode).collect();
        for id in held {
            self.blocks.remove_replica(id, datanode);
            self.refresh(id);
        }
        self.void_copies(datanode);
    }

    /// Copies from and to a DataNode will not arrive.
    pub(super) fn void_copies(&mut self, datanode: DatanodeId) {
        self.transfers.remove(&datanode);
        for id in self.pending.end_datanode(datanode) {
            self.refresh(id);
        }
    }

    /// With a second rack, blocks whose replicas all stand in the first are badly distributed.
    pub(super) fn note_racks(&mut self) {
        let racks = self.datanodes.rack_count();
        if self.judging && self.racks == 1 && racks > 1 {
            self.rescan = Some(BlockId(0));
        }
        self.racks = racks;
    }
}
