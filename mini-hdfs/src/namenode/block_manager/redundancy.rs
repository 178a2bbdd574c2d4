//! What must be copied and what deleted, block by block (`RedundancyMonitor`).

use std::collections::BTreeMap;

use node::{Rng, Time};

use super::balancing::may_go;
use super::{BlockManager, Transfer};
use crate::block::{Block, BlockId, DatanodeId, GenerationStamp};
use crate::namenode::blocks::{BlockInfo, BlockState};
use crate::namenode::excess::{Replica, choose_excess};
use crate::namenode::placement::{Candidate, Request, choose_targets};
use crate::namenode::replication_queue::{Priority, priority};
use crate::protocol::{AdminState, DatanodeState};

/// Blocks that one tick looks at while many are looked at afresh: no tick holds the NameNode's lock for long.
pub(super) const RESCAN_LIMIT: usize = 10_000;
/// Blocks of which one tick deletes replicas.
const EXCESS_LIMIT: usize = 2_000;
/// Copies that one tick decides on. To place one, every DataNode is looked at.
const PLAN_LIMIT: usize = 50;

/// Whether the replica of a block on `datanode` may be deleted now. It was decided on earlier; replicas that it was
/// decided on account of may be gone.
pub(super) fn may_delete(stored: Option<&BlockInfo>, datanode: DatanodeId) -> bool {
    let Some(info) = stored else {
        return true;
    };
    if info.corrupt().contains_key(&datanode) {
        return info.live_count() > 0;
    }
    info.excess().contains(&datanode) && info.live_count() >= info.expected().max(1)
}

/// A copy that was decided on; without targets when there is no place for one.
struct Plan {
    block: Block,
    source: DatanodeId,
    targets: Vec<DatanodeId>,
}

impl BlockManager {
    /// Finds dead DataNodes, leaves safe mode, and decides what to copy and to delete next.
    ///
    /// One call does not take long, whatever there is to do: true says that there is more to be done in this round. Let others
    /// have the lock, and call again.
    pub fn tick(&mut self, now: Time, rng: &mut Rng) -> bool {
        self.now = now;
        for datanode in self.datanodes.find_dead(now) {
            self.bury(datanode);
        }
        self.obey_operator_in_all(now);
        self.note_racks();
        self.note_slow_nodes(now);
        let timeout = self.config.replication_pending_timeout;
        for id in self.pending.end_late(now, timeout) {
            self.refresh(id);
        }
        let walking = self.go_on_walking();
        // What is being dropped still counts as reported.
        if !self.is_dropping_any() && self.safe_mode.update(&self.progress(), now) {
            self.begin_judging();
        }
        if self.safe_mode.is_on() {
            return walking;
        }
        let rescanning = self.go_on_rescanning();
        let deleting = self.delete_excess(now);
        let copying = self.plan_copies(now, rng);
        let leaving = self.look_at_leaving(now);
        walking || rescanning || deleting || copying || leaving
    }

    /// Looks at a block afresh after anything has changed about it, and puts it where it belongs.
    pub(super) fn refresh(&mut self, id: BlockId) {
        let complete = |info: &&BlockInfo| info.state == BlockState::Complete;
        if self.blocks.get(id).filter(complete).is_none() {
            self.needed.remove(id);
            self.over_replicated.remove(&id);
            self.delete_hints.remove(&id);
            return;
        }
        if !self.judging {
            return;
        }
        self.take_back_excess(id);
        self.delete_corrupt(id);
        let Some(info) = self.blocks.get(id) else {
            return;
        };
        if info.live_count() > usize::from(info.replication) {
            self.over_replicated.insert(id);
        } else {
            self.over_replicated.remove(&id);
            self.delete_hints.remove(&id);
        }
        self.needed.update(id, self.priority_of(info));
    }

    fn priority_of(&self, info: &BlockInfo) -> Option<Priority> {
        let (live, expected) = (info.live_count(), info.expected());
        let coming = self.pending.targets(info.block.id);
        if live >= expected {
            let spread = self.is_spread(info.standing().chain(coming), expected);
            return priority(live, expected, spread);
        }
        if live + coming.count() >= expected {
            return None;
        }
        if live == 0 && (!info.excess().is_empty() || info.away().next().is_some()) {
            // About to go, but still there to be copied.
            return Some(Priority::Highest);
        }
        priority(live, expected, true)
    }

    /// A replica chosen to be deleted is needed after all: too few others are left, or none in its rack. One whose deletion was sent
    /// cannot be relied on.
    fn take_back_excess(&mut self, id: BlockId) {
        let chosen = |info: &&BlockInfo| !info.excess().is_empty();
        let Some(info) = self.blocks.get(id).filter(chosen) else {
            return;
        };
        let lacking = info.expected().saturating_sub(info.live_count());
        let excess = info.excess().iter().copied();
        let kept = excess.filter(|datanode| {
            self.in_service(*datanode) && !self.invalidates.is_sent(*datanode, id)
        });
        let spread =
            |more: Option<DatanodeId>| self.is_spread(info.standing().chain(more), info.expected());
        let back: Vec<DatanodeId> = match lacking {
            0 if spread(None) => Vec::new(),
            // That there is one too many then is seen to afterwards.
            0 => kept.filter(|id| spread(Some(*id))).take(1).collect(),
            _ => kept.take(lacking).collect(),
        };
        for datanode in back {
            self.invalidates.remove(datanode, id);
            self.blocks.set_excess(id, datanode, false);
        }
    }

    /// Corrupt replicas are deleted once there are enough good ones. Those that only missed the rebuilding of a
    /// pipeline can hold nothing that a good one does not.
    fn delete_corrupt(&mut self, id: BlockId) {
        let Some(info) = self.blocks.get(id) else {
            return;
        };
        let live = info.live_count();
        for (datanode, replica) in info.corrupt() {
            let old = replica.generation < info.block.generation;
            if live > 0 && (old || live >= info.expected()) {
                self.invalidates.add(*datanode, doomed(info, *replica));
            }
        }
    }

    fn go_on_rescanning(&mut self) -> bool {
        let Some(from) = self.rescan else {
            return false;
        };
        let ids = self.blocks.ids_from(from, RESCAN_LIMIT);
        self.rescan = ids.last().map(|last| BlockId(last.0 + 1));
        for id in ids {
            self.refresh(id);
        }
        self.rescan.is_some()
    }

    fn delete_excess(&mut self, now: Time) -> bool {
        for _ in 0..EXCESS_LIMIT {
            let Some(id) = self.over_replicated.pop_first() else {
                return false;
            };
            let Some(info) = self.blocks.get(id) else {
                continue;
            };
            let replica = |datanode| {
                let node = self.datanodes.alive(datanode)?;
                Some(Replica {
                    datanode,
                    rack: &node.info.rack,
                    remaining: node.heartbeat.remaining,
                    stale: self.datanodes.state_of(node, now) != DatanodeState::Live,
                    reported: node.reported,
                })
            };
            let mut replicas: Vec<Replica<'_>> = info.live().filter_map(replica).collect();
            let (block, expected) = (info.block, usize::from(info.replication));
            let moved = self.delete_hints.remove(&id);
            let moved = moved.filter(|hint| may_go(*hint, &replicas, expected));
            replicas.retain(|replica| Some(replica.datanode) != moved);
            let others = choose_excess(&replicas, expected);
            for datanode in moved.into_iter().chain(others) {
                self.blocks.set_excess(id, datanode, true);
                self.invalidates.add(datanode, block);
            }
        }
        !self.over_replicated.is_empty()
    }

    /// Chooses sources and targets for as many blocks as the live DataNodes can be expected to copy until the next
    /// round. Blocks for which there is no source or target now stay in the queue.
    fn plan_copies(&mut self, now: Time, rng: &mut Rng) -> bool {
        if self.round_left == 0 {
            let copies = self.config.replication_work_multiplier;
            self.round_left = self.datanodes.alive_count() * copies;
        }
        let max = self.round_left.min(PLAN_LIMIT);
        let ids = self.needed.choose(max);
        self.round_left = if ids.len() < max {
            0
        } else {
            self.round_left - max
        };
        for id in &ids {
            // Racks may have come and gone since it was last looked at.
            self.refresh(*id);
        }
        for plan in self.plans(&ids, now, rng) {
            if plan.targets.is_empty() {
                self.make_room(plan.block.id);
                continue;
            }
            let id = plan.block.id;
            for target in &plan.targets {
                self.pending.start(id, Some(plan.source), *target, now);
            }
            let transfer = Transfer {
                block: plan.block,
                targets: plan.targets,
            };
            self.transfers
                .entry(plan.source)
                .or_default()
                .push(transfer);
            self.refresh(id);
        }
        self.round_left > 0
    }

    fn plans(&self, ids: &[BlockId], now: Time, rng: &mut Rng) -> Vec<Plan> {
        // Blocks of all sizes: that no single volume has the room for one is found out by the DataNode.
        let mut candidates = self.candidates(0, now);
        let mut sending = BTreeMap::new();
        let mut plans = Vec::new();
        let needed = |id: &&BlockId| self.needed.priority_of(**id).is_some();
        let infos = ids.iter().filter(needed);
        for info in infos.filter_map(|id| self.blocks.get(*id)) {
            let Some(source) = self.source_of(info, &sending, now, rng) else {
                continue;
            };
            let targets = self.targets_of(info, &candidates, rng);
            *sending.entry(source).or_default() += targets.len();
            for node in &mut candidates {
                if targets.contains(&node.id) {
                    node.remaining = node.remaining.saturating_sub(info.block.len);
                }
            }
            plans.push(Plan {
                block: info.block,
                source,
                targets,
            });
        }
        plans
    }

    /// A DataNode with a good replica that may send another copy, `sending` more than known before.
    fn source_of(
        &self,
        info: &BlockInfo,
        sending: &BTreeMap<DatanodeId, usize>,
        now: Time,
        rng: &mut Rng,
    ) -> Option<DatanodeId> {
        let limit = match self.needed.priority_of(info.block.id) {
            Some(Priority::Highest) => self.config.replication_streams_hard_limit,
            _ => self.config.replication_streams_max,
        };
        let free = |datanode: &DatanodeId| {
            let more = sending.get(datanode).copied().unwrap_or(0);
            self.datanodes.alive(*datanode).is_some()
                && self.pending.sending(*datanode) + more < limit
        };
        let live = |datanode: &DatanodeId| {
            let node = self.datanodes.get(*datanode);
            node.is_some_and(|n| self.datanodes.state_of(n, now) == DatanodeState::Live)
        };
        // One that is about to leave is as good a source as any: nobody writes to it. One that has left may be off by now.
        let left = |datanode: &DatanodeId| {
            let node = self.datanodes.get(*datanode);
            let admin = node.map(|node| node.admin);
            admin == Some(AdminState::Decommissioned) || admin == Some(AdminState::InMaintenance)
        };
        let mut sources: Vec<DatanodeId> = info.live().collect();
        sources.extend(info.away().filter(|datanode| !left(datanode)));
        for last_resort in [info.away().filter(left).collect(), info.excess().to_vec()] {
            if sources.is_empty() {
                sources = last_resort;
            }
        }
        sources.retain(free);
        let best: Vec<DatanodeId> = sources.iter().copied().filter(live).collect();
        rng.choose(if best.is_empty() { &sources } else { &best })
            .copied()
    }

    /// Where further copies of a block go; nowhere, if there is no place or none is needed.
    fn targets_of(
        &self,
        info: &BlockInfo,
        candidates: &[Candidate<'_>],
        rng: &mut Rng,
    ) -> Vec<DatanodeId> {
        let coming = self.pending.targets(info.block.id);
        let chosen: Vec<DatanodeId> = info.live().chain(coming).collect();
        let expected = info.expected();
        let request = Request {
            // One more, where there are enough but all in one rack.
            wanted: expected.saturating_sub(chosen.len()).max(1),
            block_size: info.block.len,
            writer_host: None,
            chosen: &chosen,
            excluded: &info
                .corrupt()
                .keys()
                .chain(info.excess())
                .copied()
                .collect(),
        };
        let targets = choose_targets(candidates, &request, rng).unwrap_or_default();
        let all = info
            .standing()
            .chain(chosen.iter().chain(&targets).copied());
        if chosen.len() >= expected && !self.is_spread(all, expected) {
            return Vec::new();
        }
        targets
    }

    /// No DataNode can take another copy of a block. If corrupt replicas stand in its way, one goes, as long as
    /// there is a good one elsewhere; else a block with as many replicas as there are DataNodes could never be
    /// mended.
    fn make_room(&mut self, id: BlockId) {
        let Some(info) = self.blocks.get(id) else {
            return;
        };
        let corrupt = info.corrupt().first_key_value();
        if let Some((datanode, replica)) = corrupt.filter(|_| info.live_count() > 0) {
            self.invalidates.add(*datanode, doomed(info, *replica));
        }
    }
}

/// What a DataNode is told to delete for a bad replica. One of an older generation than the block's may have got a further
/// one since, in a rebuilding of the pipeline that failed and that nobody told of: all that are older must go.
fn doomed(info: &BlockInfo, replica: Block) -> Block {
    let older = GenerationStamp(info.block.generation.0.saturating_sub(1));
    Block {
        generation: replica.generation.max(older),
        ..replica
    }
}
