//! One table of pairs of block and DataNode, each with what is there and what was ordered, and a walk over all of it at every
//! tick. Equal choices fall otherwise than in the reference.
//! replaces: src/namenode/capstone/manager.rs

use std::cmp::Reverse;
use std::collections::BTreeMap;

use node::Time;

use super::{Command, Event, ORDER_TIMEOUT, ReplicationManager, STREAMS_MAX};
use crate::block::{Block, BlockId, DatanodeId};

/// A manager that has not been told anything yet.
pub fn replication_manager() -> Box<dyn ReplicationManager> {
    Box::new(Table::default())
}

#[derive(Debug, Default)]
struct Table {
    /// Rack, bytes free, whether it has reported.
    datanodes: BTreeMap<DatanodeId, (String, u64, bool)>,
    files: BTreeMap<BlockId, (Block, usize)>,
    pairs: BTreeMap<BlockId, BTreeMap<DatanodeId, Pair>>,
}

/// A block on a DataNode.
#[derive(Debug, Default)]
struct Pair {
    held: Option<Block>,
    corrupt: bool,
    order: Option<Order>,
}

#[derive(Clone, Copy, Debug)]
enum Order {
    Copy { from: DatanodeId, since: Time },
    Delete { since: Time },
}

impl Pair {
    fn is_going(&self) -> bool {
        matches!(self.order, Some(Order::Delete { .. }))
    }

    fn is_coming(&self) -> bool {
        matches!(self.order, Some(Order::Copy { .. }))
    }

    fn source(&self) -> Option<DatanodeId> {
        match self.order {
            Some(Order::Copy { from, .. }) => Some(from),
            _ => None,
        }
    }

    fn is_good(&self, version: Block) -> bool {
        self.held == Some(version) && !self.corrupt && !self.is_going()
    }
}

impl ReplicationManager for Table {
    fn handle(&mut self, event: &Event, _now: Time) {
        match event.clone() {
            Event::BlockClosed { block, replication } => {
                self.files.insert(block.id, (block, replication));
            }
            Event::ReplicationChanged { block, replication } => {
                if let Some(file) = self.files.get_mut(&block) {
                    file.1 = replication;
                }
            }
            Event::BlockRemoved { block } => {
                self.files.remove(&block);
            }
            Event::Registered { datanode, rack } => {
                self.forget(datanode);
                self.datanodes.insert(datanode, (rack, 0, false));
            }
            Event::NodeDead { datanode } => self.forget(datanode),
            Event::Heartbeat {
                datanode,
                remaining,
            } => {
                if let Some(node) = self.datanodes.get_mut(&datanode) {
                    node.1 = remaining;
                }
            }
            Event::BlockReport { datanode, replicas } => {
                if let Some(node) = self.datanodes.get_mut(&datanode) {
                    node.2 = true;
                }
                let listed: BTreeMap<BlockId, Block> =
                    replicas.into_iter().map(|b| (b.id, b)).collect();
                for (id, pairs) in &mut self.pairs {
                    if let Some(pair) = pairs.get_mut(&datanode) {
                        let now = listed.get(id).copied();
                        pair.corrupt &= pair.held == now;
                        pair.held = now;
                    }
                }
                for (id, version) in listed {
                    self.pair(id, datanode).held = Some(version);
                }
            }
            Event::BlockReceived { datanode, block } => {
                let pair = self.pair(block.id, datanode);
                pair.held = Some(block);
                pair.corrupt = false;
                if pair.is_coming() {
                    pair.order = None;
                }
            }
            Event::BlockDeleted { datanode, block } => {
                *self.pair(block, datanode) = Pair::default();
            }
            Event::ReplicaCorrupt { datanode, block } => {
                let pair = self.pair(block, datanode);
                pair.corrupt = pair.held.is_some();
            }
        }
    }

    fn tick(&mut self, now: Time) -> Vec<Command> {
        for pairs in self.pairs.values_mut() {
            for pair in pairs.values_mut() {
                if let Some(Order::Copy { since, .. } | Order::Delete { since }) = pair.order
                    && now.since(since) >= ORDER_TIMEOUT
                {
                    pair.order = None;
                }
            }
            pairs.retain(|_, pair| pair.held.is_some() || pair.order.is_some());
        }
        let files = &self.files;
        self.pairs
            .retain(|id, pairs| !pairs.is_empty() || files.contains_key(id));
        let ids: Vec<BlockId> = self.pairs.keys().copied().collect();
        let mut commands = Vec::new();
        for id in &ids {
            self.clean(*id, now, &mut commands);
        }
        let mut needy: Vec<(usize, Reverse<BlockId>)> = ids
            .into_iter()
            .filter_map(|id| Some((self.need(id)?, Reverse(id))))
            .collect();
        needy.sort_unstable();
        let mut streams = self.streams();
        for (_, Reverse(id)) in needy {
            while let Some(command) = self.copy(id, now, &mut streams) {
                commands.push(command);
            }
        }
        commands
    }
}

impl Table {
    fn pair(&mut self, id: BlockId, datanode: DatanodeId) -> &mut Pair {
        let pairs = self.pairs.entry(id).or_default();
        pairs.entry(datanode).or_default()
    }

    fn forget(&mut self, datanode: DatanodeId) {
        self.datanodes.remove(&datanode);
        for pairs in self.pairs.values_mut() {
            pairs.remove(&datanode);
            for pair in pairs.values_mut() {
                if pair.source() == Some(datanode) {
                    pair.order = None;
                }
            }
        }
    }

    fn rack(&self, datanode: DatanodeId) -> &str {
        self.datanodes.get(&datanode).map_or("", |node| &node.0)
    }

    /// How many different racks these stand in, counted no further than two.
    fn racks(&self, mut datanodes: impl Iterator<Item = DatanodeId>) -> usize {
        match datanodes.next().map(|first| self.rack(first)) {
            None => 0,
            Some(first) => 1 + usize::from(datanodes.any(|other| self.rack(other) != first)),
        }
    }

    fn streams(&self) -> BTreeMap<DatanodeId, usize> {
        let mut streams = BTreeMap::new();
        for (to, pair) in self.pairs.values().flatten() {
            if let Some(from) = pair.source() {
                *streams.entry(*to).or_default() += 1;
                *streams.entry(from).or_default() += 1;
            }
        }
        streams
    }

    fn list(&self, id: BlockId, wanted: impl Fn(&Pair) -> bool) -> Vec<DatanodeId> {
        let pairs = self.pairs.get(&id).into_iter().flatten();
        let pairs = pairs.filter(|(_, pair)| wanted(pair));
        pairs.map(|(datanode, _)| *datanode).collect()
    }

    /// Good replicas, if the block needs a copy that can be made.
    fn need(&self, id: BlockId) -> Option<usize> {
        let (version, wanted) = *self.files.get(&id)?;
        let good = self.list(id, |pair| pair.is_good(version)).len();
        let there = self.list(id, |pair| pair.is_good(version) || pair.is_coming());
        let racks = wanted
            .min(2)
            .min(self.racks(self.datanodes.keys().copied()));
        let enough = there.len() >= wanted && self.racks(there.into_iter()) >= racks;
        (good > 0 && !enough).then_some(good)
    }

    fn clean(&mut self, id: BlockId, now: Time, commands: &mut Vec<Command>) {
        let file = self.files.get(&id).copied();
        let is_good = |pair: &Pair| file.is_some_and(|(version, _)| pair.is_good(version));
        let mut good = self.list(id, is_good);
        let mut doomed = Vec::new();
        if file.is_none() || !good.is_empty() {
            let bad = |pair: &Pair| pair.held.is_some() && !pair.is_going() && !is_good(pair);
            doomed = self.list(id, bad);
        }
        let wanted = file.map_or(1, |(_, wanted)| wanted.max(1));
        while good.len() > wanted {
            let keeps_racks = |gone: &DatanodeId| {
                let left = good.iter().copied().filter(|other| other != gone);
                self.racks(left) == self.racks(good.iter().copied())
            };
            let chosen = good.iter().rposition(keeps_racks).unwrap_or(0);
            doomed.push(good.remove(chosen));
        }
        for datanode in doomed {
            let pair = self.pair(id, datanode);
            if let Some(block) = pair.held {
                pair.order = Some(Order::Delete { since: now });
                commands.push(Command::Delete { block, datanode });
            }
        }
    }

    fn copy(
        &mut self,
        id: BlockId,
        now: Time,
        streams: &mut BTreeMap<DatanodeId, usize>,
    ) -> Option<Command> {
        self.need(id)?;
        let (block, wanted) = *self.files.get(&id)?;
        let free = |id: &DatanodeId| streams.get(id).is_none_or(|count| *count < STREAMS_MAX);
        let good = self.list(id, |pair| pair.is_good(block));
        let from = good.iter().copied().rfind(free)?;
        let there = self.list(id, |pair| pair.is_good(block) || pair.is_coming());
        let alone = self.racks(there.iter().copied()) == 1;
        let must_leave = there.len() >= wanted;
        let pairs = self.pairs.get(&id)?;
        let fit = |to: &DatanodeId| {
            let node = self.datanodes.get(to);
            free(to)
                && !pairs.contains_key(to)
                && node.is_some_and(|node| node.2 && node.1 >= block.len + self.coming(*to))
        };
        let mut targets: Vec<DatanodeId> = self.datanodes.keys().copied().filter(fit).collect();
        let leaves = |to: &DatanodeId| self.rack(*to) != self.rack(from);
        if alone && (must_leave || targets.iter().any(leaves)) {
            targets.retain(leaves);
        }
        let to = targets.first().copied()?;
        for datanode in [from, to] {
            *streams.entry(datanode).or_default() += 1;
        }
        self.pair(id, to).order = Some(Order::Copy { from, since: now });
        Some(Command::Copy { block, from, to })
    }

    /// Bytes on their way to a DataNode.
    fn coming(&self, datanode: DatanodeId) -> u64 {
        let coming = self.pairs.iter().filter(|(_, pairs)| {
            let pair = pairs.get(&datanode);
            pair.is_some_and(Pair::is_coming)
        });
        let len = |id: &BlockId| self.files.get(id).map_or(0, |file| file.0.len);
        coming.map(|(id, _)| len(id)).sum()
    }
}
