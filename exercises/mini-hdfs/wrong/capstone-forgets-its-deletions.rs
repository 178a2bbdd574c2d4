//! Replicas whose deletion was ordered count until they are gone: another one is chosen on their account, or a copy is made
//! from one that is about to vanish.
//! caught-by: capstone::as_many_stay_as_there_should_be
//! replaces: src/namenode/capstone/manager.rs

use std::collections::{BTreeMap, BTreeSet};

use node::Time;

use super::{Command, Event, ORDER_TIMEOUT, ReplicationManager, STREAMS_MAX};
use crate::block::{Block, BlockId, DatanodeId};

/// A manager that has not been told anything yet.
pub fn replication_manager() -> Box<dyn ReplicationManager> {
    Box::new(Manager::default())
}

/// What is known of a DataNode that is not dead.
#[derive(Debug)]
struct Datanode {
    rack: String,
    remaining: u64,
    reported: bool,
}

/// What is known of a block.
#[derive(Debug, Default)]
struct BlockInfo {
    /// The version that counts, and how many replicas there should be. None when the block does not exist.
    closed: Option<(Block, usize)>,
    replicas: BTreeMap<DatanodeId, Replica>,
}

#[derive(Debug)]
struct Replica {
    version: Block,
    corrupt: bool,
}

impl Replica {
    fn new(version: Block) -> Replica {
        Replica {
            version,
            corrupt: false,
        }
    }
}

/// A copy that is not confirmed.
#[derive(Debug)]
struct Copying {
    from: DatanodeId,
    len: u64,
    since: Time,
}

/// Everything that is known and ordered. After any change about a block it is in `attention`, and each tick looks at the
/// blocks in there alone; a block leaves when nothing is to be done about it, and nothing under way.
#[derive(Debug, Default)]
struct Manager {
    datanodes: BTreeMap<DatanodeId, Datanode>,
    blocks: BTreeMap<BlockId, BlockInfo>,
    /// By block and target.
    copies: BTreeMap<(BlockId, DatanodeId), Copying>,
    /// Deletions that are not confirmed.
    deletions: BTreeMap<(BlockId, DatanodeId), Time>,
    attention: BTreeSet<BlockId>,
    /// There were two racks with DataNodes at the last tick.
    two_racks: bool,
}

impl ReplicationManager for Manager {
    fn handle(&mut self, event: &Event, _now: Time) {
        match event {
            Event::BlockClosed { block, replication } => {
                self.touch(block.id).closed = Some((*block, *replication));
            }
            Event::ReplicationChanged { block, replication } => {
                if let Some((_, wanted)) = &mut self.touch(*block).closed {
                    *wanted = *replication;
                }
            }
            Event::BlockRemoved { block } => self.touch(*block).closed = None,
            Event::Registered { datanode, rack } => {
                self.forget(*datanode);
                let registered = Datanode {
                    rack: rack.clone(),
                    remaining: 0,
                    reported: false,
                };
                self.datanodes.insert(*datanode, registered);
            }
            Event::NodeDead { datanode } => self.forget(*datanode),
            Event::Heartbeat {
                datanode,
                remaining,
            } => {
                if let Some(node) = self.datanodes.get_mut(datanode) {
                    node.remaining = *remaining;
                }
            }
            Event::BlockReport { datanode, replicas } => self.note_report(*datanode, replicas),
            Event::BlockReceived { datanode, block } => {
                self.copies.remove(&(block.id, *datanode));
                let replicas = &mut self.touch(block.id).replicas;
                replicas.insert(*datanode, Replica::new(*block));
            }
            Event::BlockDeleted { datanode, block } => {
                self.deletions.remove(&(*block, *datanode));
                self.touch(*block).replicas.remove(datanode);
            }
            Event::ReplicaCorrupt { datanode, block } => {
                if let Some(replica) = self.touch(*block).replicas.get_mut(datanode) {
                    replica.corrupt = true;
                }
            }
        }
    }

    fn tick(&mut self, now: Time) -> Vec<Command> {
        self.note_time(now);
        self.note_racks();
        let mut orders = Vec::new();
        let mut needy = Vec::new();
        for id in std::mem::take(&mut self.attention) {
            self.delete(id, now, &mut orders);
            if let Some(good) = self.lacks(id) {
                needy.push((good, id));
            }
            let info = self.blocks.get(&id);
            if info.is_some_and(|info| info.closed.is_none() && info.replicas.is_empty()) {
                self.blocks.remove(&id);
            }
        }
        needy.sort_unstable();
        let mut streams = self.streams();
        for (_, id) in needy {
            while let Some(order) = self.copy(id, now, &mut streams) {
                orders.push(order);
            }
            if self.lacks(id).is_some() {
                self.attention.insert(id);
            }
        }
        orders
    }
}

/// What is known.
impl Manager {
    /// What is known of a block, to be changed.
    fn touch(&mut self, id: BlockId) -> &mut BlockInfo {
        self.attention.insert(id);
        self.blocks.entry(id).or_default()
    }

    /// What a DataNode held, sent or was told does not count any more.
    fn forget(&mut self, datanode: DatanodeId) {
        self.datanodes.remove(&datanode);
        self.note_report(datanode, &[]);
        let attention = &mut self.attention;
        let mut keep = |id: BlockId, involved: bool| {
            if involved {
                attention.insert(id);
            }
            !involved
        };
        self.copies
            .retain(|(id, to), copy| keep(*id, *to == datanode || copy.from == datanode));
        self.deletions
            .retain(|(id, at), _| keep(*id, *at == datanode));
    }

    fn note_report(&mut self, datanode: DatanodeId, replicas: &[Block]) {
        if let Some(node) = self.datanodes.get_mut(&datanode) {
            node.reported = true;
        }
        let listed: BTreeSet<BlockId> = replicas.iter().map(|replica| replica.id).collect();
        for (id, info) in &mut self.blocks {
            if !listed.contains(id) && info.replicas.remove(&datanode).is_some() {
                self.attention.insert(*id);
            }
        }
        for version in replicas {
            let held = &mut self.touch(version.id).replicas;
            // A report reads no bytes: what is corrupt stays so.
            if held.get(&datanode).map(|replica| replica.version) != Some(*version) {
                held.insert(datanode, Replica::new(*version));
            }
        }
    }

    /// Gives up orders that have come to nothing.
    fn note_time(&mut self, now: Time) {
        let attention = &mut self.attention;
        let mut keep = |id: BlockId, since: Time| {
            let late = now >= since + ORDER_TIMEOUT;
            if late {
                attention.insert(id);
            }
            !late
        };
        self.copies.retain(|(id, _), copy| keep(*id, copy.since));
        self.deletions.retain(|(id, _), since| keep(*id, *since));
    }

    /// With a second rack, blocks that stand in the first alone lack something.
    fn note_racks(&mut self) {
        let racks: BTreeSet<&str> = self.datanodes.values().map(|n| n.rack.as_str()).collect();
        let two_racks = racks.len() >= 2;
        if two_racks != self.two_racks {
            self.two_racks = two_racks;
            self.attention.extend(self.blocks.keys());
        }
    }

    /// In how many copies each DataNode takes part.
    fn streams(&self) -> BTreeMap<DatanodeId, usize> {
        let mut streams = BTreeMap::new();
        for ((_, to), copy) in &self.copies {
            *streams.entry(*to).or_default() += 1;
            *streams.entry(copy.from).or_default() += 1;
        }
        streams
    }

    /// The DataNodes with a good replica that is not going.
    fn good(&self, info: &BlockInfo) -> Vec<DatanodeId> {
        let Some((block, _)) = info.closed else {
            return Vec::new();
        };
        let good = info.replicas.iter();
        let good = good.filter(|(_, replica)| replica.version == block && !replica.corrupt);
        good.map(|(datanode, _)| *datanode).collect()
    }

    /// The DataNodes to which copies are under way.
    fn coming(&self, id: BlockId) -> impl Iterator<Item = DatanodeId> + '_ {
        let copies = (id, DatanodeId(0))..=(id, DatanodeId(u64::MAX));
        self.copies.range(copies).map(|((_, to), _)| *to)
    }

    fn racks_of(&self, datanodes: &[DatanodeId]) -> BTreeSet<&str> {
        let nodes = datanodes.iter().filter_map(|id| self.datanodes.get(id));
        nodes.map(|node| node.rack.as_str()).collect()
    }
}

/// What is to be done.
impl Manager {
    /// How many good replicas a block has that lacks another one, or another rack; none if it lacks nothing, or nothing can be
    /// done.
    fn lacks(&self, id: BlockId) -> Option<usize> {
        let info = self.blocks.get(&id)?;
        let (_, replication) = info.closed?;
        let good = self.good(info);
        let mut there = good.clone();
        there.extend(self.coming(id));
        let spread = replication < 2 || !self.two_racks || self.racks_of(&there).len() > 1;
        let lacks = there.len() < replication || !spread;
        (lacks && !good.is_empty()).then_some(good.len())
    }

    /// Orders whatever may be deleted of a block.
    fn delete(&mut self, id: BlockId, now: Time, orders: &mut Vec<Command>) {
        let Some(info) = self.blocks.get(&id) else {
            return;
        };
        let mut good = self.good(info);
        let mut doomed = Vec::new();
        if info.closed.is_none() || !good.is_empty() {
            let bad = info.replicas.keys().filter(|at| !good.contains(at));
            doomed.extend(bad.copied());
        }
        let wanted = info.closed.map_or(1, |(_, replication)| replication.max(1));
        while good.len() > wanted {
            let racks: Vec<Option<&str>> = good.iter().map(|at| self.rack(*at)).collect();
            let order = |index: &usize| {
                let alone = racks.iter().filter(|r| **r == racks[*index]).count() == 1;
                let node = self.datanodes.get(&good[*index]);
                (alone, node.map(|node| node.remaining))
            };
            let Some(worst) = (0..good.len()).min_by_key(order) else {
                break;
            };
            doomed.push(good.remove(worst));
        }
        for datanode in doomed {
            let replica = self.blocks.get(&id).and_then(|b| b.replicas.get(&datanode));
            let going = self.deletions.contains_key(&(id, datanode));
            if let Some(replica) = replica.filter(|_| !going) {
                let block = replica.version;
                self.deletions.insert((id, datanode), now);
                orders.push(Command::Delete { block, datanode });
            }
        }
    }

    fn rack(&self, datanode: DatanodeId) -> Option<&str> {
        Some(self.datanodes.get(&datanode)?.rack.as_str())
    }

    /// Orders another copy of a block, if it lacks one and there is a source and a place for it.
    fn copy(
        &mut self,
        id: BlockId,
        now: Time,
        streams: &mut BTreeMap<DatanodeId, usize>,
    ) -> Option<Command> {
        self.lacks(id)?;
        let info = self.blocks.get(&id)?;
        let (block, replication) = info.closed?;
        let good = self.good(info);
        let busy = |datanode: DatanodeId| streams.get(&datanode).copied().unwrap_or(0);
        let sources = good.iter().copied().filter(|at| busy(*at) < STREAMS_MAX);
        let from = sources.min_by_key(|at| busy(*at))?;

        let mut there = good;
        there.extend(self.coming(id));
        let racks = self.racks_of(&there);
        let elsewhere_only = there.len() >= replication;
        let candidates = self.datanodes.iter().filter_map(|(to, node)| {
            let takes_part = info.replicas.contains_key(to)
                || self.copies.contains_key(&(id, *to))
                || self.deletions.contains_key(&(id, *to));
            let elsewhere = racks.len() > 1 || !racks.contains(node.rack.as_str());
            let fit = node.reported
                && !takes_part
                && busy(*to) < STREAMS_MAX
                && self.room(*to) >= block.len
                && (elsewhere || !elsewhere_only);
            fit.then_some((elsewhere, self.room(*to), *to))
        });
        let (_, _, to) = candidates.max()?;
        let copy = Copying {
            from,
            len: block.len,
            since: now,
        };
        self.copies.insert((id, to), copy);
        for datanode in [from, to] {
            *streams.entry(datanode).or_default() += 1;
        }
        Some(Command::Copy { block, from, to })
    }

    /// The bytes that are free on a DataNode, without those that are on their way.
    fn room(&self, datanode: DatanodeId) -> u64 {
        let remaining = self.datanodes.get(&datanode).map_or(0, |n| n.remaining);
        let copies = self.copies.iter().filter(|((_, to), _)| *to == datanode);
        let coming: u64 = copies.map(|(_, copy)| copy.len).sum();
        remaining.saturating_sub(coming)
    }
}
