//! The block half of the NameNode (`BlockManager`): what is written where, what DataNodes have, what must
//! be copied, and what deleted.
//!
//! Each decision is a function of its own in a neighbour module (`placement`, `block_report`, `excess`, …). Here
//! they are tied together by one rule: after anything has changed about a block, `refresh` looks
//! at it afresh and puts it into the queues that it belongs to now, or takes it out. No other code needs to know
//! which change leads to which queue. What the queues hold is worked off by [`BlockManager::tick`], and leaves as
//! commands in the answers to heartbeats.
//!
//! This file is what the namespace calls; `reports` is what DataNodes call; `status` is for whoever watches; `admin` takes
//! DataNodes out of service and back.

mod admin;
mod balancing;
mod recovery;
mod redundancy;
mod reports;
mod status;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use node::{Rng, Time};

use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo, LocatedBlock};
use crate::namenode::blocks::{BlockInfo, BlockState, BlocksMap};
use crate::namenode::config::Config;
use crate::namenode::datanodes::DatanodeManager;
use crate::namenode::hosts::Hosts;
use crate::namenode::invalidate::InvalidateQueue;
use crate::namenode::left_behind::left_behind;
use crate::namenode::pending::PendingCopies;
use crate::namenode::placement::{Candidate, PlacementError, Request, choose_targets};
use crate::namenode::replication_queue::ReplicationQueue;
use crate::namenode::report_lease::ReportLeases;
use crate::namenode::safe_mode::{Progress, SafeMode};
use crate::namenode::slow_peers::SlowPeerTracker;
use crate::namenode::topology::{Place, sort_for_reader};
use crate::protocol::{AddBlockRequest, AdditionalDatanodeRequest, AdminState, DatanodeState};

use admin::{Leaving, Walk};
use reports::ReportUnderWay;

/// A copy that a DataNode is to be told to make.
#[derive(Clone, Debug)]
struct Transfer {
    block: Block,
    targets: Vec<DatanodeId>,
}

/// Blocks, DataNodes, and what must be copied or deleted.
#[derive(Debug)]
pub struct BlockManager {
    config: Config,
    blocks: BlocksMap,
    datanodes: DatanodeManager,
    safe_mode: SafeMode,
    /// Complete blocks that need another replica, copies under way counted.
    needed: ReplicationQueue,
    pending: PendingCopies,
    /// Copies decided and not yet handed out, by source.
    transfers: BTreeMap<DatanodeId, Vec<Transfer>>,
    /// Of blocks with one replica too many since the balancer moved one: whose shall go.
    delete_hints: BTreeMap<BlockId, DatanodeId>,
    /// Complete blocks with more replicas than they should have.
    over_replicated: BTreeSet<BlockId>,
    invalidates: InvalidateQueue,
    slow_peers: SlowPeerTracker,
    /// Those that `slow_peers` names, as of the last tick.
    slow_nodes: BTreeSet<DatanodeId>,
    /// The block to go on from while all blocks are being looked at afresh; none when that is done, or has not begun
    /// since safe mode at the start is still on.
    rescan: Option<BlockId>,
    /// DataNodes all of whose blocks are being looked at afresh, each with why, and the block to go on from.
    walks: BTreeMap<DatanodeId, (Walk, BlockId)>,
    /// Copies that may still be decided on in this round.
    round_left: usize,
    /// Who may send a full block report.
    report_leases: ReportLeases,
    /// Full block reports that have begun and not ended, by DataNode.
    reports: BTreeMap<DatanodeId, ReportUnderWay>,
    /// Which DataNodes shall be out of service.
    hosts: Hosts,
    /// What is known of those that are about to leave.
    leaving: BTreeMap<DatanodeId, Leaving>,
    /// Before safe mode at the start is over, nothing is known of most blocks, and no queue is filled.
    judging: bool,
    /// In how many racks DataNodes stand.
    racks: usize,
    /// The last tick.
    now: Time,
}

/// For the namespace.
impl BlockManager {
    /// Begins with the blocks that the edit log names, none of them reported yet; in safe mode, if there are any.
    pub fn new(config: &Config, blocks: BlocksMap, now: Time) -> BlockManager {
        let safe_mode = SafeMode::new(
            config.safemode_threshold_permille,
            config.safemode_datanodes_min,
            config.safemode_extension,
        );
        let mut manager = BlockManager {
            config: config.clone(),
            blocks,
            datanodes: DatanodeManager::new(config.stale_interval, config.dead_interval()),
            safe_mode,
            needed: ReplicationQueue::default(),
            pending: PendingCopies::default(),
            transfers: BTreeMap::new(),
            delete_hints: BTreeMap::new(),
            over_replicated: BTreeSet::new(),
            invalidates: InvalidateQueue::default(),
            slow_peers: SlowPeerTracker::new(
                config.outliers_report_interval,
                config.slow_nodes_max,
            ),
            slow_nodes: BTreeSet::new(),
            rescan: None,
            walks: BTreeMap::new(),
            round_left: 0,
            report_leases: ReportLeases::new(config.report_leases_max, config.report_lease_length),
            reports: BTreeMap::new(),
            hosts: Hosts::default(),
            leaving: BTreeMap::new(),
            judging: false,
            racks: 0,
            now,
        };
        // Nothing to wait for in a new file system: HDFS does not enter safe mode then either.
        if manager.blocks.counts().complete == 0 && config.safemode_datanodes_min == 0 {
            manager.set_safe_mode(false, now);
        }
        manager
    }

    /// The blocks as they are now.
    pub fn blocks(&self) -> &BlocksMap {
        &self.blocks
    }

    /// The durable half, for `edit_op::apply`, which alone changes ids, generations, lengths, states and
    /// replication. What follows from such a change for replicas is told by the methods below, right after it.
    pub fn blocks_mut(&mut self) -> &mut BlocksMap {
        &mut self.blocks
    }

    /// Chooses the DataNodes that a new block shall be written to.
    ///
    /// # Errors
    /// When none can take it.
    pub fn choose_pipeline(
        &self,
        request: &AddBlockRequest,
        replication: u16,
        block_size: u64,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Vec<DatanodeId>, PlacementError> {
        let placement = Request {
            wanted: usize::from(replication),
            block_size,
            writer_host: request.client_host.as_deref(),
            chosen: &[],
            excluded: &request.exclude.iter().copied().collect(),
        };
        choose_targets(&self.candidates(block_size, now), &placement, rng)
    }

    /// Chooses a DataNode to add to the pipeline of a block.
    ///
    /// # Errors
    /// When none can take it.
    pub fn choose_additional(
        &self,
        request: &AdditionalDatanodeRequest,
        block_size: u64,
        now: Time,
        rng: &mut Rng,
    ) -> Result<Option<DatanodeInfo>, PlacementError> {
        // Who has an old replica is told to delete it some day, and might take the new one for it.
        let holders = self.blocks.get(request.block.id).into_iter();
        let bad = holders.flat_map(|info| info.corrupt().keys());
        let placement = Request {
            wanted: 1,
            block_size,
            writer_host: request.client_host.as_deref(),
            chosen: &request.existing,
            excluded: &request.exclude.iter().chain(bad).copied().collect(),
        };
        let chosen = choose_targets(&self.candidates(block_size, now), &placement, rng)?;
        Ok(self.infos(&chosen).pop())
    }

    /// The block is now written by this pipeline: it is new, or its pipeline was lost in a restart.
    pub fn set_pipeline(&mut self, id: BlockId, pipeline: &[DatanodeId]) {
        self.blocks.set_pipeline(id, pipeline.to_vec());
    }

    /// The block's pipeline was rebuilt of these DataNodes, and its generation raised; it was `old` before. What others
    /// have of it does not count any more.
    pub fn pipeline_rebuilt(&mut self, old: Block, pipeline: &[DatanodeId]) {
        let id = old.id;
        let Some(info) = self.blocks.get(id) else {
            return;
        };
        let generation = info.block.generation;
        let known = info.early().iter().chain(info.corrupt());
        let raised: Vec<DatanodeId> = known
            .filter(|(node, known)| known.generation < generation && pipeline.contains(node))
            .map(|(node, _)| *node)
            .collect();
        let left_behind = left_behind(info, old, pipeline);
        for datanode in raised {
            self.blocks.remove_replica(id, datanode);
        }
        for (datanode, replica) in left_behind {
            // A dead one reports what it has when it comes back.
            if self.datanodes.alive(datanode).is_some() {
                self.blocks.add_corrupt(replica, datanode);
            }
        }
        self.blocks.set_pipeline(id, pipeline.to_vec());
    }

    /// DataNodes as placement sees them, with room set aside for the blocks on their way. To one that is slow
    /// placement does what it does to one that is stale: it is chosen where no other is left.
    fn candidates(&self, block_size: u64, now: Time) -> Vec<Candidate<'_>> {
        let mut candidates = self.datanodes.candidates(now, block_size, |datanode| {
            let blocks = self.blocks.pipelines_of(datanode) + self.pending.receiving(datanode);
            blocks.saturating_mul(self.config.block_size)
        });
        if self.config.exclude_slow_nodes {
            for node in &mut candidates {
                if node.state == DatanodeState::Live && self.slow_nodes.contains(&node.id) {
                    node.state = DatanodeState::Stale;
                }
            }
        }
        candidates
    }

    /// The block for its writer: its pipeline in order. None if there is no such block.
    pub fn located_pipeline(&self, id: BlockId, offset: u64) -> Option<LocatedBlock> {
        let info = self.blocks.get(id)?;
        Some(LocatedBlock {
            block: info.block,
            offset,
            locations: self.infos(info.pipeline()),
            corrupt: false,
            under_construction: true,
        })
    }

    /// The block for a reader on the machine `reader_host`: DataNodes with a good replica, nearest first. While it is
    /// written, those that write it. None if there is no such block.
    pub fn located_block(
        &self,
        id: BlockId,
        offset: u64,
        reader_host: Option<&str>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<LocatedBlock> {
        let info = self.blocks.get(id)?;
        // A replica that is about to be deleted is a last resort, like one on a DataNode that is silent, slow, or leaves.
        let replica = |id| {
            let node = self.datanodes.alive(id)?;
            let silent = self.datanodes.state_of(node, now) != DatanodeState::Live;
            let slow = self.config.avoid_slow_reads && self.slow_nodes.contains(&id);
            let leaves = node.admin != AdminState::Normal;
            let last = silent || slow || leaves || info.excess().contains(&id);
            Some((node.info.clone(), last))
        };
        let mut replicas: Vec<(DatanodeInfo, bool)> =
            info.replicas.iter().copied().filter_map(replica).collect();
        if replicas.is_empty() && info.state != BlockState::Complete {
            let written = info.pipeline().iter().copied();
            let written = written.filter(|id| !info.corrupt().contains_key(id));
            replicas = written.filter_map(replica).collect();
        }
        let corrupt = replicas.is_empty() && !info.corrupt().is_empty();
        if corrupt {
            // Other generations would not be served.
            let current = |(_, bad): &(_, &Block)| bad.generation == info.block.generation;
            let bad = info.corrupt().iter().filter(current);
            replicas = bad.filter_map(|(id, _)| replica(*id)).collect();
        }
        let reader = reader_host.and_then(|host| self.datanodes.place_of(host));
        Some(LocatedBlock {
            block: info.block,
            offset,
            locations: sort_for_reader(replicas, reader, rng),
            corrupt,
            under_construction: info.state == BlockState::UnderConstruction,
        })
    }

    /// The block has been committed: generation and length are final. It becomes complete now or when enough replicas
    /// are reported. Doing it again changes nothing.
    pub fn committed(&mut self, id: BlockId, now: Time) {
        let Some(info) = self.blocks.get(id) else {
            return;
        };
        let block = info.block;
        for (datanode, replica) in info.early().clone() {
            if replica == block {
                self.blocks.add_replica(id, datanode);
            } else {
                self.blocks.add_corrupt(replica, datanode);
            }
        }
        self.complete_if_enough(id, now);
        self.refresh(id);
    }

    /// Makes a committed block complete once it has the minimum of replicas. The rest of its pipeline is
    /// given time to report, as if it were copies under way; else each new block would be copied at once.
    fn complete_if_enough(&mut self, id: BlockId, now: Time) {
        let Some(info) = self.blocks.get(id) else {
            return;
        };
        let enough = info.replicas.len() >= usize::from(self.config.replication_min);
        if info.state != BlockState::Committed || !enough {
            return;
        }
        let (block, pipeline) = (info.block, info.pipeline().to_vec());
        let waits = |datanode: &DatanodeId| {
            let has = info.replicas.contains(datanode) || info.corrupt().contains_key(datanode);
            !has && self.datanodes.alive(*datanode).is_some()
        };
        for datanode in pipeline.into_iter().filter(waits) {
            self.pending.start(id, None, datanode, now);
        }
        self.blocks.set_pipeline(id, Vec::new());
        self.blocks.update(block, BlockState::Complete);
    }

    /// These blocks were taken out of the map: they belong to no file any more, and their replicas are deleted by
    /// and by.
    pub fn removed(&mut self, blocks: &[BlockInfo]) {
        for info in blocks {
            let id = info.block.id;
            // A pipeline may be about to be rebuilt, under any generation handed out so far.
            let block = Block {
                generation: self.blocks.last_generation(),
                ..info.block
            };
            let coming: Vec<DatanodeId> = self.pending.targets(id).collect();
            let holders = info.replicas.iter().chain(info.corrupt().keys());
            let holders = holders.chain(info.early().keys()).chain(info.pipeline());
            for datanode in holders.chain(&coming) {
                if self.datanodes.alive(*datanode).is_some() {
                    self.invalidates.add(*datanode, block);
                }
            }
            self.pending.end_block(id);
            self.refresh(id);
        }
    }

    /// These blocks should have more or fewer replicas than before.
    pub fn replication_changed(&mut self, blocks: &[BlockId]) {
        for id in blocks {
            self.refresh(*id);
        }
    }

    /// A reader found a replica whose bytes do not match their checksums.
    pub fn report_bad_block(&mut self, block: Block, datanode: DatanodeId) {
        let Some(info) = self.blocks.get(block.id) else {
            return;
        };
        // What is not known to be good cannot become bad; and an old generation is not the one that counts.
        if info.block.generation == block.generation && info.replicas.contains(&datanode) {
            self.blocks.add_corrupt(info.block, datanode);
            self.refresh(block.id);
        }
    }

    /// Why safe mode is on, and what turns it off. None when it is off.
    pub fn safe_mode(&self) -> Option<String> {
        self.safe_mode.status(&self.progress(), self.now)
    }

    /// Turns safe mode on or off by hand.
    pub fn set_safe_mode(&mut self, on: bool, now: Time) {
        self.now = now;
        if on {
            self.safe_mode.enter();
        } else {
            self.safe_mode.leave();
            self.begin_judging();
        }
    }

    /// Safe mode is over: what is known of the blocks now counts.
    fn begin_judging(&mut self) {
        self.judging = true;
        self.rescan = Some(BlockId(0));
    }

    fn progress(&self) -> Progress {
        let counts = self.blocks.counts();
        Progress {
            blocks: counts.complete,
            reported: counts.complete - counts.missing,
            datanodes: self.datanodes.alive_count(),
        }
    }

    fn infos(&self, datanodes: &[DatanodeId]) -> Vec<DatanodeInfo> {
        let nodes = datanodes.iter().filter_map(|id| self.datanodes.get(*id));
        nodes.map(|node| node.info.clone()).collect()
    }

    /// Whether replicas on these DataNodes stand in as many racks as those of a block should: two, where there are
    /// so many.
    fn is_spread(&self, datanodes: impl Iterator<Item = DatanodeId>, expected: usize) -> bool {
        let nodes = datanodes.filter_map(|id| self.datanodes.get(id));
        let racks: BTreeSet<&str> = nodes.map(|node| Place::of(&node.info).rack).collect();
        racks.len() >= expected.min(self.racks).min(2)
    }
}
