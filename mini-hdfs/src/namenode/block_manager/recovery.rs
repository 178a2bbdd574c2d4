//! What lease recovery needs of the block manager: who may hold a replica, and what becomes of those that were left out.

use node::Time;

use super::BlockManager;
use crate::block::{Block, BlockId, DatanodeId, DatanodeInfo};
use crate::namenode::datanodes::Datanode;

impl BlockManager {
    /// The DataNodes that may hold a replica of a block under construction and have not been declared dead.
    pub fn recovery_locations(&self, id: BlockId) -> Vec<DatanodeInfo> {
        let pipeline = self.blocks.get(id).map(|info| info.pipeline());
        let alive = pipeline.unwrap_or_default().iter();
        let alive = alive.filter_map(|id| self.datanodes.alive(*id));
        alive.map(|node| node.info.clone()).collect()
    }

    /// When a DataNode was last heard.
    pub fn last_contact(&self, datanode: DatanodeId) -> Option<Time> {
        let node: Option<&Datanode> = self.datanodes.get(datanode);
        node.map(|node| node.last_contact)
    }

    /// The block is recovered: `datanodes` have it as it is in the map now. What others of its pipeline have, if anything, is out of
    /// date and will be deleted. That the recovered replicas are there is believed once their own DataNodes have said so, not before.
    pub fn recovered(&mut self, id: BlockId, old: Block, datanodes: &[DatanodeId]) {
        let Some(info) = self.blocks.get(id) else {
            return;
        };
        let known = |node: &DatanodeId| info.early().contains_key(node) || datanodes.contains(node);
        let left_out = info.pipeline().iter().copied();
        let left_out: Vec<DatanodeId> = left_out.filter(|node| !known(node)).collect();
        self.set_pipeline(id, datanodes);
        for datanode in left_out {
            if self.datanodes.alive(datanode).is_some() {
                self.blocks.add_corrupt(old, datanode);
            }
        }
    }
}
