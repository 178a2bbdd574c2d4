//! What whoever watches is shown: a block for `fsck`, all DataNodes, sums.

use node::Time;

use super::BlockManager;
use crate::block::BlockId;
use crate::namenode::blocks::BlockState;
use crate::namenode::datanodes::Datanode;
use crate::protocol::{
    AdminState, DatanodeReport, DatanodeState, FsStatus, FsckBlock, ReplicaHealth,
};

impl BlockManager {
    /// The block as `fsck` shows it. None if there is no such block.
    pub fn fsck(&self, id: BlockId, now: Time) -> Option<FsckBlock> {
        let info = self.blocks.get(id)?;
        let good = info.replicas.iter().map(|id| {
            let node = self.datanodes.get(*id);
            let state = node.map(|node| self.datanodes.state_of(node, now));
            let health = match node.map(|node| node.admin).unwrap_or_default() {
                _ if info.excess().contains(id) => ReplicaHealth::Excess,
                AdminState::DecommissionInProgress => ReplicaHealth::Decommissioning,
                AdminState::Decommissioned => ReplicaHealth::Decommissioned,
                AdminState::EnteringMaintenance => ReplicaHealth::EnteringMaintenance,
                AdminState::InMaintenance => ReplicaHealth::InMaintenance,
                AdminState::Normal if state == Some(DatanodeState::Live) => ReplicaHealth::Live,
                AdminState::Normal => ReplicaHealth::Stale,
            };
            (*id, health)
        });
        let corrupt = info
            .corrupt()
            .keys()
            .map(|id| (*id, ReplicaHealth::Corrupt));
        let written = info.pipeline().iter().map(|id| (*id, ReplicaHealth::Rbw));
        let written = written.filter(|(id, _)| !info.replicas.contains(id));
        let replicas = good.chain(corrupt).chain(written);
        let known = |(id, health)| Some((self.datanodes.get(id)?.info.clone(), health));
        Some(FsckBlock {
            block: info.block,
            state: info.state,
            expected: info.replication,
            replicas: replicas.filter_map(known).collect(),
            badly_distributed: info.state == BlockState::Complete
                && info.live_count() >= info.expected()
                && !self.is_spread(info.standing(), info.expected()),
        })
    }

    /// Fills in what `FsStatus` says of blocks, DataNodes and safe mode; leaves the rest alone.
    pub fn fill_status(&self, status: &mut FsStatus, now: Time) {
        for node in self.datanodes.iter() {
            match node.admin {
                AdminState::Normal => {}
                AdminState::DecommissionInProgress => status.decommissioning_datanodes += 1,
                AdminState::Decommissioned => status.decommissioned_datanodes += 1,
                AdminState::EnteringMaintenance => status.entering_maintenance_datanodes += 1,
                AdminState::InMaintenance => status.in_maintenance_datanodes += 1,
            }
            match self.datanodes.state_of(node, now) {
                DatanodeState::Dead => {
                    status.dead_datanodes += 1;
                    continue;
                }
                DatanodeState::Stale => status.stale_datanodes += 1,
                DatanodeState::Live => {}
            }
            status.live_datanodes += 1;
            status.capacity += node.heartbeat.capacity;
            status.dfs_used += node.heartbeat.dfs_used;
            status.remaining += node.heartbeat.remaining;
            status.volume_failures += node.details.failed_volumes.len() as u64;
            status.slow_datanodes += u64::from(self.slow_nodes.contains(&node.info.id));
        }
        let counts = self.blocks.counts();
        status.blocks = self.blocks.len() as u64;
        status.under_replicated = counts.under_replicated;
        status.corrupt = counts.corrupt;
        status.missing = counts.missing;
        status.pending_replication = self.pending.len() as u64;
        status.pending_deletion = self.invalidates.len();
        status.safe_mode = self.safe_mode();
    }

    /// All DataNodes that are known, dead ones included, by id.
    pub fn datanode_reports(&self, now: Time) -> Vec<DatanodeReport> {
        let report = |node: &Datanode| DatanodeReport {
            info: node.info.clone(),
            state: self.datanodes.state_of(node, now),
            admin: node.admin,
            leaving: self.leaving_status(node.info.id),
            heartbeat: node.heartbeat,
            details: node.details.clone(),
            slow_reports: self.slow_peers.reporters(node.info.id),
            last_contact_ms: node.last_contact.as_millis(),
            blocks: self.blocks.count_of(node.info.id),
        };
        self.datanodes.iter().map(report).collect()
    }
}
