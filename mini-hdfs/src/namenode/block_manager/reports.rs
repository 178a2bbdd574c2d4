//! What DataNodes tell the NameNode, and the commands that it answers with.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use node::{Rng, Time};

use super::BlockManager;
use super::redundancy::may_delete;
use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, ReplicaState};
use crate::error::FsError;
use crate::namenode::block_report::{Verdict, judge_replica, report_diff};
use crate::namenode::topology::check_rack;
use crate::protocol::{
    BlockEvent, Command, Heartbeat, HeartbeatDetails, RegistrationId, ReportLeaseId,
    ReportedReplica,
};

/// A full block report that comes in parts.
#[derive(Clone, Debug)]
pub(super) struct ReportUnderWay {
    /// The lease under which it comes.
    lease: Option<ReportLeaseId>,
    /// Where the next part begins; none after the last.
    from: Option<BlockId>,
    /// Blocks of which the DataNode has told something since it began. The report was made before that.
    news: BTreeSet<BlockId>,
}

impl BlockManager {
    /// A DataNode introduces itself. What it was told under an earlier registration is void.
    ///
    /// # Errors
    /// `InvalidArgument` when its rack is no path; `DisallowedDatanode` when its operator does not admit it.
    pub fn register(
        &mut self,
        info: DatanodeInfo,
        now: Time,
        rng: &mut Rng,
    ) -> Result<RegistrationId, FsError> {
        check_rack(&info.rack).map_err(FsError::InvalidArgument)?;
        if !self.hosts.includes(&info) {
            let datanode = format!("{} ({})", info.hostname, info.address);
            return Err(FsError::DisallowedDatanode(datanode));
        }
        let id = info.id;
        let registered = self.datanodes.register(info, now, rng);
        if let Some(replaced) = registered.replaced {
            self.lose_datanode(replaced);
            self.leaving.remove(&replaced);
            self.blocks.set_away(replaced, None);
        }
        self.end_dropping(id);
        self.void_copies(id);
        self.reports.remove(&id);
        self.report_leases.end(id);
        self.invalidates.resend(id);
        self.obey_operator(id, now);
        self.note_racks();
        Ok(registered.registration)
    }

    /// A DataNode lives; the answer is what it shall do.
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> Vec<Command> {
        if !self.datanodes.heartbeat(heartbeat, now) {
            // After a pause of the NameNode all come back at once. Each registers when what it held has been dropped in steps.
            if self.is_dropping(heartbeat.id) {
                return Vec::new();
            }
            return vec![Command::Register];
        }
        let id = heartbeat.id;
        let mut commands = Vec::new();
        if heartbeat.wants_report_lease {
            let lease = self.report_leases.request(id, now);
            commands.extend(lease.map(Command::ReportBlocks));
        }
        if self.safe_mode.is_on() {
            return commands;
        }
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
        if self.is_dropping_any() {
            // What is to be deleted may be the last one left.
            return commands;
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

    /// What a heartbeat says of volumes and of slow peers.
    pub fn heartbeat_details(
        &mut self,
        heartbeat: &Heartbeat,
        details: HeartbeatDetails,
        now: Time,
    ) {
        let slow_peers = details.slow_peers.clone();
        let Heartbeat {
            id, registration, ..
        } = *heartbeat;
        if self.datanodes.heartbeat_details(id, registration, details) {
            self.slow_peers.report(id, &slow_peers, now);
        }
    }

    /// Looks who is slow now.
    pub(super) fn note_slow_nodes(&mut self, now: Time) {
        self.slow_peers.expire(now);
        self.slow_nodes = self.slow_peers.slow_nodes();
    }

    /// A full block report begins: all the replicas that a DataNode has, in parts, each of them a call of its own. What the
    /// DataNode tells while the report is under way is newer than any part of it. A lease is asked for by heartbeat; without
    /// one (for tools that report everything in one go) none is checked.
    ///
    /// # Errors
    /// `UnregisteredNode` when `registration` is not its current one; `InvalidBlockReportLease`.
    pub fn begin_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        lease: Option<ReportLeaseId>,
        now: Time,
    ) -> Result<(), FsError> {
        self.datanodes.check(datanode, registration)?;
        self.check_report_lease(datanode, lease, now)?;
        let report = ReportUnderWay {
            lease,
            from: Some(BlockId(0)),
            news: BTreeSet::new(),
        };
        self.reports.insert(datanode, report);
        Ok(())
    }

    fn check_report_lease(
        &self,
        datanode: DatanodeId,
        lease: Option<ReportLeaseId>,
        now: Time,
    ) -> Result<(), FsError> {
        let valid = |lease| self.report_leases.is_valid(datanode, lease, now);
        if lease.is_none_or(valid) {
            return Ok(());
        }
        Err(FsError::InvalidBlockReportLease {
            datanode: datanode.to_string(),
            reason: "its lease has expired, or another was given since".to_owned(),
        })
    }

    /// The next part of a full block report: every replica that the DataNode has with an id after the last part's, up to `last`.
    /// Later parts have higher ids. What it does not list is gone.
    ///
    /// # Errors
    /// `UnregisteredNode`; `InvalidBlockReportLease` when no such report is under way (any more); `InvalidArgument`
    /// when a replica is not in this part.
    pub fn block_report_part(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        lease: Option<ReportLeaseId>,
        replicas: &[ReportedReplica],
        last: BlockId,
        now: Time,
    ) -> Result<(), FsError> {
        self.datanodes.check(datanode, registration)?;
        self.check_report_lease(datanode, lease, now)?;
        let report = self.reports.get_mut(&datanode);
        let Some(report) = report.filter(|report| report.lease == lease) else {
            return Err(FsError::InvalidBlockReportLease {
                datanode: datanode.to_string(),
                reason: "its report has been overtaken by a newer one".to_owned(),
            });
        };
        let Some(part) = report.from.map(|from| from..=last) else {
            return Err(FsError::InvalidArgument(
                "a block report has parts after the one that was its last".to_owned(),
            ));
        };
        if let Some(stray) = replicas.iter().find(|r| !part.contains(&r.block.id)) {
            return Err(FsError::InvalidArgument(format!(
                "a part of a block report lists {}, which is not in {part:?}: a report must be in order of ids",
                stray.block
            )));
        }
        report.from = last.0.checked_add(1).map(BlockId);
        self.take_part(datanode, &part, replicas, now);
        Ok(())
    }

    /// All parts have come.
    ///
    /// # Errors
    /// `UnregisteredNode` when `registration` is not its current one; `InvalidBlockReportLease` when no such report is under
    /// way, or a part is missing.
    pub fn end_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        lease: Option<ReportLeaseId>,
    ) -> Result<(), FsError> {
        self.datanodes.check(datanode, registration)?;
        let whole = |report: &&ReportUnderWay| report.lease == lease && report.from.is_none();
        if self.reports.get(&datanode).filter(whole).is_none() {
            return Err(FsError::InvalidBlockReportLease {
                datanode: datanode.to_string(),
                reason: "its report ended before its last part".to_owned(),
            });
        }
        self.reports.remove(&datanode);
        self.report_leases.end(datanode);
        if self.datanodes.set_reported(datanode) {
            // Its replicas may be counted as too many only from now on.
            self.walk(datanode);
        }
        Ok(())
    }

    /// All the replicas that a DataNode has, in one go. It must have been sent after all events before it.
    ///
    /// # Errors
    /// As those three.
    pub fn block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        replicas: &[ReportedReplica],
        now: Time,
    ) -> Result<(), FsError> {
        self.begin_block_report(datanode, registration, None, now)?;
        let last = BlockId(u64::MAX);
        self.block_report_part(datanode, registration, None, replicas, last, now)?;
        self.end_block_report(datanode, registration, None)
    }

    fn take_part(
        &mut self,
        datanode: DatanodeId,
        part: &RangeInclusive<BlockId>,
        replicas: &[ReportedReplica],
        now: Time,
    ) {
        let news = match self.reports.get(&datanode) {
            Some(report) => report.news.clone(),
            None => BTreeSet::new(),
        };
        let mut replicas = replicas.to_vec();
        replicas.retain(|replica| !news.contains(&replica.block.id));
        let mut diff = report_diff(&self.blocks, datanode, part, &replicas);
        diff.to_remove.retain(|id| !news.contains(id));
        let reported: BTreeSet<BlockId> = replicas.iter().map(|replica| replica.block.id).collect();
        let unconfirmed = self.invalidates.blocks_of(datanode);
        let deleted = unconfirmed.filter(|id| part.contains(id));
        let deleted = deleted.filter(|id| !reported.contains(id) && !news.contains(id));
        let deleted: Vec<BlockId> = deleted.collect();
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
            if let Some(report) = self.reports.get_mut(&datanode) {
                report.news.insert(event.block().id);
            }
            let (block, state) = match *event {
                BlockEvent::Receiving(block) => (block, ReplicaState::Rbw),
                BlockEvent::Received(block) => (block, ReplicaState::Finalized),
                // That another one may go is said below, once this one counts.
                BlockEvent::Moved { block, .. } => (block, ReplicaState::Finalized),
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
            if let BlockEvent::Moved { block, delete } = *event {
                self.note_moved(block.id, delete);
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
        // A newer one was finalised by a recovery that the NameNode is still to hear of.
        let current = block.generation >= info.block.generation;
        if !info.pipeline().contains(&datanode) {
            // The NameNode has restarted since it made the pipeline, which is not durable.
            let mut pipeline = info.pipeline().to_vec();
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
        let held = match info.corrupt().get(&datanode) {
            Some(corrupt) => corrupt.generation,
            None => info.block.generation,
        };
        if block.generation >= held && self.blocks.remove_replica(block.id, datanode) {
            self.refresh(block.id);
        }
    }

    /// A DataNode has died or was replaced: what it held is dropped, by and by. Until then nobody is sent to it, and nothing is
    /// deleted on account of it.
    pub(super) fn lose_datanode(&mut self, datanode: DatanodeId) {
        self.invalidates.remove_datanode(datanode);
        self.reports.remove(&datanode);
        self.report_leases.end(datanode);
        self.drop_blocks(datanode);
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
