//! What happens to the cluster: files come, change and go, and whatever can fail does.

use std::time::Duration;

use mini_hdfs::block::{Block, BlockId, DatanodeId};
use mini_hdfs::namenode::capstone::Event;
use node::Time;

use super::{CAPACITY, DEAD_AFTER, DataNode, Happening, World};

impl World {
    /// The DataNodes that are alive.
    pub(crate) fn alive(&self) -> Vec<DatanodeId> {
        let alive = self.nodes.iter().filter(|(_, node)| node.alive);
        alive.map(|(id, _)| *id).collect()
    }

    pub(crate) fn dead(&self) -> Vec<DatanodeId> {
        let dead = self.nodes.iter().filter(|(_, node)| !node.alive);
        dead.map(|(id, _)| *id).collect()
    }

    pub(crate) fn blocks(&self) -> Vec<BlockId> {
        self.files.keys().copied().collect()
    }

    /// The DataNodes with a good replica, in truth.
    pub(crate) fn holders(&self, block: BlockId) -> Vec<DatanodeId> {
        let Some((version, _)) = self.files.get(&block) else {
            return Vec::new();
        };
        let good = |node: &DataNode| {
            let held = node.disk.get(&block);
            node.alive && held.is_some_and(|held| held.version == *version && !held.rotten)
        };
        let holders = self.nodes.iter().filter(|(_, node)| good(node));
        holders.map(|(id, _)| *id).collect()
    }

    /// A new block of `replication` replicas, written to `pipeline`.
    pub(crate) fn create(&mut self, pipeline: &[DatanodeId], replication: usize) -> BlockId {
        let id = BlockId(self.files.len() as u64 + self.generation * 1000);
        let len = 10 + self.rng.below(90);
        self.close(id, len, replication, pipeline);
        id
    }

    /// A block is written in a new version by those DataNodes.
    fn close(&mut self, id: BlockId, len: u64, replication: usize, pipeline: &[DatanodeId]) {
        self.generation += 1;
        let block = Block::new(id.0, self.generation, len);
        self.files.insert(id, (block, replication));
        for datanode in pipeline {
            self.flush(*datanode);
        }
        self.tell(Event::BlockClosed { block, replication });
        for datanode in pipeline {
            self.write(*datanode, block);
            let datanode = *datanode;
            self.tell(Event::BlockReceived { datanode, block });
        }
    }

    /// What a DataNode has said arrives now.
    fn flush(&mut self, datanode: DatanodeId) {
        let theirs = |(key, happening): (&(Time, u64), &Happening)| match happening {
            Happening::News(from, ..) if *from == datanode => Some(*key),
            _ => None,
        };
        let keys: Vec<(Time, u64)> = self.agenda.iter().filter_map(theirs).collect();
        for key in keys {
            if let Some(news) = self.agenda.remove(&key) {
                self.happen(news);
            }
        }
        self.nodes.get_mut(&datanode).unwrap().said = self.now;
    }

    /// A client appends to a block, on all DataNodes that are alive and have it; not while an order about it is under way.
    pub(crate) fn append(&mut self, block: BlockId) {
        let pipeline = self.holders(block);
        if pipeline.is_empty() || self.judge.is_ordered(block) {
            return;
        }
        self.fault(Some(block), None, "a client appends to the block");
        if let Some((version, replication)) = self.files.get(&block).copied() {
            self.close(block, version.len + 5, replication, &pipeline);
        }
    }

    pub(crate) fn remove(&mut self, block: BlockId) {
        self.files.remove(&block);
        self.tell(Event::BlockRemoved { block });
    }

    pub(crate) fn set_replication(&mut self, block: BlockId, replication: usize) {
        if let Some((_, wanted)) = self.files.get_mut(&block) {
            *wanted = replication;
            self.tell(Event::ReplicationChanged { block, replication });
        }
    }

    pub(crate) fn kill(&mut self, datanode: DatanodeId) {
        self.fault(None, Some(datanode), "the DataNode is killed");
        let node = self.nodes.get_mut(&datanode).unwrap();
        node.alive = false;
        let life = node.life;
        self.schedule(self.now + DEAD_AFTER, Happening::Dead(datanode, life));
    }

    /// A DataNode comes up with what is on its disk. Replicas known to be corrupt it moves aside.
    pub(crate) fn start(&mut self, datanode: DatanodeId) {
        let node = self.nodes.get_mut(&datanode).unwrap();
        node.alive = true;
        node.life += 1;
        node.disk.retain(|_, held| !held.found);
        let (life, rack) = (node.life, node.rack.clone());
        self.say(datanode, Event::Registered { datanode, rack });
        self.report(datanode);
        let first = Duration::from_millis(self.rng.below(60_000));
        self.schedule(self.now + first, Happening::Report(datanode, life));
    }

    /// A disk of a DataNode is lost, with about half of the replicas.
    pub(crate) fn lose_disk(&mut self, datanode: DatanodeId) {
        self.fault(None, Some(datanode), "the DataNode loses a disk");
        let ids: Vec<BlockId> = self.nodes[&datanode].disk.keys().copied().collect();
        for id in ids {
            // Never the last one: then there would be nothing to judge.
            if self.holders(id).len() > 1 && self.rng.percent(50) {
                self.nodes.get_mut(&datanode).unwrap().disk.remove(&id);
            }
        }
    }

    /// A bit of a replica flips; nobody has noticed yet. Not of the last good one.
    pub(crate) fn rot(&mut self, datanode: DatanodeId, block: BlockId) {
        if self.holders(block).len() > 1 {
            self.fault(Some(block), Some(datanode), "the replica rots, unnoticed");
            let disk = &mut self.nodes.get_mut(&datanode).unwrap().disk;
            if let Some(held) = disk.get_mut(&block) {
                held.rotten = true;
            }
        }
    }

    /// A replica loses its end.
    pub(crate) fn cut(&mut self, datanode: DatanodeId, block: BlockId) {
        if self.holders(block).len() > 1 {
            self.fault(Some(block), Some(datanode), "the replica is cut");
            let disk = &mut self.nodes.get_mut(&datanode).unwrap().disk;
            if let Some(held) = disk.get_mut(&block) {
                held.version.len /= 2;
            }
        }
    }

    /// Something else takes all of a DataNode's room, or gives it back.
    pub(crate) fn fill(&mut self, datanode: DatanodeId, full: bool) {
        let node = self.nodes.get_mut(&datanode).unwrap();
        node.ballast = if full { CAPACITY } else { 0 };
    }

    pub(super) fn find_rotten(&mut self, datanode: DatanodeId, block: BlockId) {
        let disk = &mut self.nodes.get_mut(&datanode).unwrap().disk;
        if let Some(held) = disk.get_mut(&block) {
            held.found = true;
            self.say(datanode, Event::ReplicaCorrupt { datanode, block });
        }
    }

    /// Nothing fails any more: disks have room, and every DataNode that is alive looks for rotten replicas.
    pub(crate) fn heal(&mut self) {
        self.fault(None, None, "from here on nothing fails any more");
        self.roughness.fail_percent = 0;
        let mut rotten = Vec::new();
        for (datanode, node) in &mut self.nodes {
            node.ballast = 0;
            let bad = node.disk.values().filter(|h| node.alive && h.rotten);
            rotten.extend(bad.map(|held| (*datanode, held.version.id)));
        }
        for (datanode, block) in rotten {
            self.find_rotten(datanode, block);
        }
    }
}
