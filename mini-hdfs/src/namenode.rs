//! The NameNode's core (`FSNamesystem`): the one place where the file system is decided upon.
//!
//! It has two halves. The *durable* one — directories, files, and which blocks they have — is a state machine
//! driven by [`EditOp`]s: a method checks a call against the state, states the change as an op, applies it and logs
//! it. Recovery applies the same ops with the same function. The *volatile* one, the [`BlockManager`], knows
//! where replicas are; it learns that from DataNodes alone and forgets it in a crash.
//!
//! Nothing here waits, reads a clock, or writes to a disk. Durability is split between core and shell: a method
//! that changes the namespace has logged the change when it returns, in memory. The shell notes
//! [`NameNode::last_txid`] under the same lock and answers nobody before that transaction is synced — readers
//! too, since what they saw may not be durable yet. One thread of the shell syncs for all:
//! [`NameNode::begin_sync`] under the lock, [`Batch::write`] outside, [`NameNode::end_sync`] under it.
//!
//! Here are storage and the calls of `DatanodeProtocol`; `tree.rs` has the calls of `ClientProtocol` that read or
//! change the tree, `writing.rs` those that write a file.

pub mod block_manager;
pub mod block_recoveries;
pub mod block_report;
pub mod blocks;
pub mod capstone;
pub mod config;
pub mod datanodes;
pub mod decommission;
pub mod edit_log;
pub mod edit_op;
pub mod excess;
pub mod fsimage;
pub mod group_commit;
pub mod hosts;
mod id_map;
pub mod invalidate;
mod lease_recovery;
pub mod leases;
pub mod left_behind;
pub mod namespace;
pub mod path;
pub mod pending;
pub mod placement;
pub mod replication_queue;
pub mod report_lease;
pub mod safe_mode;
pub mod slow_peers;
pub mod storage;
#[cfg(test)]
mod tests;
pub mod topology;
mod tree;
mod writing;

use node::{Disk, Rng, Time};

use self::block_manager::BlockManager;
use self::block_recoveries::BlockRecoveries;
use self::edit_op::{EditOp, apply};
use self::group_commit::GroupCommit;
use self::hosts::Hosts;
use self::leases::LeaseManager;
use self::namespace::{Inode, Namespace};
use crate::balancer::StoredBlock;
use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, InodeId, TxId};
use crate::error::FsError;
use crate::protocol::{
    BlockEvent, Command, DatanodeReport, Heartbeat, HeartbeatDetails, Registration, RegistrationId,
    ReportLeaseId, ReportedReplica,
};
pub use config::Config;
pub use group_commit::{Batch, Roll};
pub use storage::{StorageError, checkpoint};

/// The NameNode's core: every decision that it takes, and nothing else.
#[derive(Debug)]
pub struct NameNode {
    config: Config,
    namespace_id: u64,
    namespace: Namespace,
    blocks: BlockManager,
    leases: LeaseManager,
    recoveries: BlockRecoveries,
    next_lease_check: Time,
    /// When it started, and whether there was no block then of which a DataNode might have to tell.
    loaded_at: Time,
    loaded_without_blocks: bool,
    log: GroupCommit,
    checkpoints: Checkpoints,
}

/// When the next checkpoint is due.
#[derive(Debug)]
struct Checkpoints {
    /// The transaction that the newest image reaches.
    txid: TxId,
    /// When it was made, or found.
    at: Time,
    /// The segment is being rolled for one, or it is being made.
    under_way: bool,
    /// After a failure, not before this.
    not_before: Time,
}

/// Storage.
impl NameNode {
    /// Makes an empty file system; the generator draws its id.
    ///
    /// # Errors
    /// As [`storage::format`].
    pub fn format(disk: &mut dyn Disk, rng: &mut Rng) -> Result<(), StorageError> {
        storage::format(disk, rng)
    }

    /// Comes up with everything that was ever acknowledged.
    ///
    /// # Errors
    /// As [`storage::open`].
    pub fn load(config: Config, disk: &mut dyn Disk, now: Time) -> Result<NameNode, StorageError> {
        let loaded = storage::open(disk)?;
        let mut leases = LeaseManager::new(config.lease_soft_limit, config.lease_hard_limit);
        for (file, holder) in open_files_below("/", &loaded.namespace) {
            leases.add(&holder, file, now);
        }
        Ok(NameNode {
            leases,
            recoveries: BlockRecoveries::default(),
            next_lease_check: now,
            loaded_at: now,
            loaded_without_blocks: loaded.blocks.is_empty(),
            namespace_id: loaded.namespace_id,
            namespace: loaded.namespace,
            blocks: BlockManager::new(&config, loaded.blocks, now),
            log: GroupCommit::new(loaded.segment, loaded.last),
            checkpoints: Checkpoints {
                txid: loaded.image,
                at: now,
                under_way: false,
                not_before: now,
            },
            config,
        })
    }

    /// Tells this file system from every other one (`namespaceID`).
    pub fn namespace_id(&self) -> u64 {
        self.namespace_id
    }

    /// Directories and files.
    pub fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    /// Blocks, their replicas, and the DataNodes.
    pub fn blocks(&self) -> &BlockManager {
        &self.blocks
    }

    /// Who is writing what.
    pub fn leases(&self) -> &LeaseManager {
        &self.leases
    }

    /// The last transaction given out. Who saw the state of now is answered once it is synced.
    pub fn last_txid(&self) -> TxId {
        self.log.last_txid()
    }

    /// The last transaction that is durable.
    pub fn synced_txid(&self) -> TxId {
        self.log.synced_txid()
    }

    /// What is to be written next; none where nothing is, or a batch is under way. Ask after every call that may have
    /// logged, and after [`NameNode::tick`], which may have asked for the end of a segment.
    pub fn begin_sync(&mut self) -> Option<Batch> {
        self.log.begin_sync()
    }

    /// The batch is written. If it had a [`Roll`], the shell calls [`checkpoint`] next, outside the lock and not in the
    /// way of further syncs, and then [`NameNode::end_checkpoint`].
    pub fn end_sync(&mut self, batch: &Batch) {
        self.log.end_sync(batch);
    }

    /// A checkpoint was made that reaches this transaction; none if it failed, to be tried again later.
    pub fn end_checkpoint(&mut self, image: Option<TxId>, now: Time) {
        self.checkpoints.under_way = false;
        match image {
            Some(txid) => {
                self.checkpoints.txid = txid;
                self.checkpoints.at = now;
            }
            None => self.checkpoints.not_before = now + self.config.checkpoint_check_period,
        }
    }

    fn request_checkpoint_when_due(&mut self, now: Time) {
        let checkpoints = &mut self.checkpoints;
        let txns = self.log.last_txid().0.saturating_sub(checkpoints.txid.0);
        let due = storage::checkpoint_due(&self.config, txns, now.since(checkpoints.at));
        if due && !checkpoints.under_way && now >= checkpoints.not_before {
            checkpoints.under_way = true;
            self.log.request_roll();
        }
    }

    /// Does what was decided: the only way by which anything durable changes.
    fn log(&mut self, op: &EditOp) -> Result<(), FsError> {
        let closed: Vec<InodeId> = match op {
            EditOp::Close { inode, .. } => vec![*inode],
            EditOp::Delete { path, .. } => {
                let open = open_files_below(path, &self.namespace);
                open.into_iter().map(|(file, _)| file).collect()
            }
            _ => Vec::new(),
        };
        let removed = apply(op, &mut self.namespace, self.blocks.blocks_mut())?;
        self.log.append(op);
        closed.into_iter().for_each(|file| self.leases.remove(file));
        for info in &removed {
            self.recoveries.end(info.block.id);
        }
        self.blocks.removed(&removed);
        Ok(())
    }

    fn refuse_in_safe_mode(&self, operation: &str, on: &str) -> Result<(), FsError> {
        match self.blocks.safe_mode() {
            None => Ok(()),
            Some(status) => Err(FsError::SafeMode {
                operation: format!("{operation} {on}"),
                status,
            }),
        }
    }
}

/// The files at and below `path` that are being written, each with its writer.
fn open_files_below(path: &str, namespace: &Namespace) -> Vec<(InodeId, String)> {
    let open = |inode: &Inode| {
        let client = inode.as_file()?.client.clone();
        Some((inode.id, client?))
    };
    // Most of the time nobody writes anything that is deleted, and a walk is not free.
    let top = namespace
        .lookup(path)
        .filter(|_| namespace.open_files() > 0);
    let below = top.into_iter().flat_map(|top| namespace.walk(top));
    below.filter_map(open).collect()
}

/// DataNodes, safe mode, timers: all of it the block manager's.
impl NameNode {
    /// A reader found a replica whose bytes do not match their checksums (`reportBadBlocks`).
    ///
    /// # Errors
    /// [`FsError::StaleBlock`] where there is no such block.
    pub fn report_bad_block(&mut self, block: Block, datanode: DatanodeId) -> Result<(), FsError> {
        if self.blocks.blocks().get(block.id).is_none() {
            return Err(FsError::StaleBlock {
                block: block.to_string(),
                reason: "its file was deleted".to_owned(),
            });
        }
        self.blocks.report_bad_block(block, datanode);
        Ok(())
    }

    /// Why safe mode is on, and what turns it off; none when it is off.
    pub fn safe_mode(&self) -> Option<String> {
        self.blocks.safe_mode()
    }

    /// Turns safe mode on or off by hand (`dfsadmin -safemode`).
    pub fn set_safe_mode(&mut self, on: bool, now: Time) {
        self.blocks.set_safe_mode(on, now);
    }

    /// The operator's file says this of DataNodes from now on (`refreshNodes`).
    pub fn refresh_nodes(&mut self, hosts: Hosts, now: Time) {
        self.blocks.refresh_nodes(hosts, now);
    }

    /// Some blocks of a DataNode, for the balancer (`NamenodeProtocol.getBlocks`).
    ///
    /// # Errors
    /// As [`BlockManager::get_blocks`].
    pub fn get_blocks(
        &self,
        datanode: DatanodeId,
        size: u64,
        min_block_size: u64,
        rng: &mut Rng,
    ) -> Result<Vec<StoredBlock>, FsError> {
        self.blocks.get_blocks(datanode, size, min_block_size, rng)
    }

    /// All DataNodes that are known.
    pub fn datanode_report(&self, now: Time) -> Vec<DatanodeReport> {
        self.blocks.datanode_reports(now)
    }

    /// A DataNode introduces itself, with the file system that its replicas belong to; none if it is new
    /// (`registerDatanode`).
    ///
    /// # Errors
    /// `InconsistentNamespace` when that is another file system; as [`BlockManager::register`].
    pub fn register_datanode(
        &mut self,
        info: DatanodeInfo,
        namespace_id: Option<u64>,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Registration, FsError> {
        match namespace_id {
            Some(theirs) if theirs != self.namespace_id => Err(FsError::InconsistentNamespace {
                datanode: info.id.to_string(),
                ours: self.namespace_id,
                theirs,
            }),
            _ => Ok(Registration {
                id: self.blocks.register(info, now, rng)?,
                namespace_id: self.namespace_id,
            }),
        }
    }

    /// A DataNode lives; the answer is what it shall do (`sendHeartbeat`).
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> Vec<Command> {
        let mut commands = self.blocks.heartbeat(heartbeat, now);
        if self.blocks.safe_mode().is_none() && !commands.contains(&Command::Register) {
            let recover = self.recoveries.take_orders(heartbeat.id);
            commands.extend((!recover.is_empty()).then_some(Command::Recover(recover)));
        }
        commands
    }

    /// What a heartbeat says of volumes and of slow peers; to be told before the heartbeat itself.
    pub fn heartbeat_details(
        &mut self,
        heartbeat: &Heartbeat,
        details: HeartbeatDetails,
        now: Time,
    ) {
        self.blocks.heartbeat_details(heartbeat, details, now);
    }

    /// A full block report begins (`blockReport`).
    ///
    /// # Errors
    /// As [`BlockManager::begin_block_report`].
    pub fn begin_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        lease: Option<ReportLeaseId>,
        now: Time,
    ) -> Result<(), FsError> {
        self.blocks
            .begin_block_report(datanode, registration, lease, now)
    }

    /// A part of it.
    ///
    /// # Errors
    /// As [`BlockManager::block_report_part`].
    pub fn block_report_part(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        lease: Option<ReportLeaseId>,
        replicas: &[ReportedReplica],
        last: BlockId,
        now: Time,
    ) -> Result<(), FsError> {
        self.blocks
            .block_report_part(datanode, registration, lease, replicas, last, now)
    }

    /// Its end.
    ///
    /// # Errors
    /// As [`BlockManager::end_block_report`].
    pub fn end_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        lease: Option<ReportLeaseId>,
    ) -> Result<(), FsError> {
        self.blocks.end_block_report(datanode, registration, lease)
    }

    /// All the replicas that a DataNode has, in one go.
    ///
    /// # Errors
    /// As [`BlockManager::block_report`].
    pub fn block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        replicas: &[ReportedReplica],
        now: Time,
    ) -> Result<(), FsError> {
        self.blocks
            .block_report(datanode, registration, replicas, now)
    }

    /// What has changed on a DataNode, in order (`blockReceivedAndDeleted`).
    ///
    /// # Errors
    /// As [`BlockManager::incremental_block_report`].
    pub fn incremental_block_report(
        &mut self,
        datanode: DatanodeId,
        registration: RegistrationId,
        events: &[BlockEvent],
        now: Time,
    ) -> Result<(), FsError> {
        self.blocks
            .incremental_block_report(datanode, registration, events, now)
    }

    /// What happens by itself: call it every [`Config::replication_interval`] or more often. It does not take long, whatever
    /// there is to do; true says that more is to be done in this round. Let others call first, and call again.
    pub fn tick(&mut self, now: Time, rng: &mut Rng) -> bool {
        let more = self.blocks.tick(now, rng);
        self.check_leases(now);
        self.request_checkpoint_when_due(now);
        more
    }
}
