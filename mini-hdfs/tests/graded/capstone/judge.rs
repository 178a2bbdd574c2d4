//! Follows what a manager is told and what it orders, and says which rule an order breaks. It knows nothing of the manager's
//! inside, and nothing of the cluster that the manager was not told.

use std::collections::{BTreeMap, BTreeSet};

use mini_hdfs::block::{Block, BlockId, DatanodeId};
use mini_hdfs::namenode::capstone::{Command, Event, ORDER_TIMEOUT, STREAMS_MAX};
use node::Time;

/// A rule of `capstone.rs`, under the aspect that one test looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rule {
    /// Rules 1 and 2: one good replica stays.
    LastReplica,
    /// Rule 1: as many stay as the block should have.
    BelowFactor,
    /// Rule 3.
    Deletion,
    /// Rule 4: where a copy is made from.
    Source,
    /// Rule 4: where it goes.
    Target,
    /// Rule 5.
    Streams,
    /// Rule 6.
    Needless,
    /// Rule 7.
    Racks,
    /// Rule 8.
    Neediest,
    /// Rule 9.
    Converges,
    /// Rule 10.
    Idle,
}

/// An order that breaks a rule.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    /// The block that it is about, if it is about one.
    pub(crate) block: Option<BlockId>,
    pub(crate) why: String,
}

#[derive(Debug)]
struct Known {
    rack: String,
    remaining: u64,
    reported: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    version: Block,
    corrupt: bool,
}

/// What the manager can know.
#[derive(Debug, Default)]
pub(crate) struct Judge {
    nodes: BTreeMap<DatanodeId, Known>,
    closed: BTreeMap<BlockId, (Block, usize)>,
    held: BTreeMap<BlockId, BTreeMap<DatanodeId, Held>>,
    /// Unconfirmed copies by block and target, with the source.
    copies: BTreeMap<(BlockId, DatanodeId), (DatanodeId, Time)>,
    deletions: BTreeMap<(BlockId, DatanodeId), Time>,
    /// How many orders there were in all.
    pub(crate) copied: usize,
    pub(crate) deleted: usize,
}

impl Judge {
    pub(crate) fn hear(&mut self, event: &Event) {
        match event {
            Event::BlockClosed { block, replication } => {
                self.closed.insert(block.id, (*block, *replication));
            }
            Event::ReplicationChanged { block, replication } => {
                if let Some((_, wanted)) = self.closed.get_mut(block) {
                    *wanted = *replication;
                }
            }
            Event::BlockRemoved { block } => {
                self.closed.remove(block);
            }
            Event::Registered { datanode, rack } => {
                self.forget(*datanode);
                let known = Known {
                    rack: rack.clone(),
                    remaining: 0,
                    reported: false,
                };
                self.nodes.insert(*datanode, known);
            }
            Event::NodeDead { datanode } => self.forget(*datanode),
            Event::Heartbeat {
                datanode,
                remaining,
            } => {
                if let Some(node) = self.nodes.get_mut(datanode) {
                    node.remaining = *remaining;
                }
            }
            Event::BlockReport { datanode, replicas } => self.hear_report(*datanode, replicas),
            Event::BlockReceived { datanode, block } => {
                self.copies.remove(&(block.id, *datanode));
                self.hold(*datanode, *block);
            }
            Event::BlockDeleted { datanode, block } => {
                self.deletions.remove(&(*block, *datanode));
                self.held.entry(*block).or_default().remove(datanode);
            }
            Event::ReplicaCorrupt { datanode, block } => {
                let held = self.held.entry(*block).or_default();
                if let Some(replica) = held.get_mut(datanode) {
                    replica.corrupt = true;
                }
            }
        }
    }

    fn hold(&mut self, datanode: DatanodeId, version: Block) {
        let replica = Held {
            version,
            corrupt: false,
        };
        let held = self.held.entry(version.id).or_default();
        held.insert(datanode, replica);
    }

    fn hear_report(&mut self, datanode: DatanodeId, replicas: &[Block]) {
        if let Some(node) = self.nodes.get_mut(&datanode) {
            node.reported = true;
        }
        let listed: BTreeSet<BlockId> = replicas.iter().map(|block| block.id).collect();
        for (id, held) in &mut self.held {
            if !listed.contains(id) {
                held.remove(&datanode);
            }
        }
        for version in replicas {
            let known = self.held.entry(version.id).or_default().get(&datanode);
            if known.is_none_or(|known| known.version != *version) {
                self.hold(datanode, *version);
            }
        }
    }

    fn forget(&mut self, datanode: DatanodeId) {
        self.nodes.remove(&datanode);
        for held in self.held.values_mut() {
            held.remove(&datanode);
        }
        self.copies
            .retain(|(_, to), (from, _)| *to != datanode && *from != datanode);
        self.deletions.retain(|(_, at), _| *at != datanode);
    }

    /// Time has come to `now`: orders time out.
    pub(crate) fn note_time(&mut self, now: Time) {
        let young = |since: Time| now < since + ORDER_TIMEOUT;
        self.copies.retain(|_, (_, since)| young(*since));
        self.deletions.retain(|_, since| young(*since));
    }

    /// Whether an order about the block is unconfirmed.
    pub(crate) fn is_ordered(&self, block: BlockId) -> bool {
        let mut orders = self.copies.keys().chain(self.deletions.keys());
        orders.any(|(id, _)| *id == block)
    }

    /// Whether a copy of the block is on its way.
    pub(crate) fn is_copied(&self, block: BlockId) -> bool {
        self.copies.keys().any(|(id, _)| *id == block)
    }

    /// The DataNodes with a good replica that is not going.
    fn good(&self, block: BlockId) -> Vec<DatanodeId> {
        let (Some((version, _)), Some(held)) = (self.closed.get(&block), self.held.get(&block))
        else {
            return Vec::new();
        };
        let good = held.iter().filter(|(datanode, replica)| {
            let going = self.deletions.contains_key(&(block, **datanode));
            replica.version == *version && !replica.corrupt && !going
        });
        good.map(|(datanode, _)| *datanode).collect()
    }

    fn coming(&self, block: BlockId) -> Vec<DatanodeId> {
        let copies = self.copies.keys().filter(|(id, _)| *id == block);
        copies.map(|(_, to)| *to).collect()
    }

    fn racks(&self, datanodes: &[DatanodeId]) -> BTreeSet<&str> {
        let known = datanodes.iter().filter_map(|id| self.nodes.get(id));
        known.map(|node| node.rack.as_str()).collect()
    }

    fn streams(&self, datanode: DatanodeId) -> usize {
        let part = |((_, to), (from, _)): &(&(_, DatanodeId), &(DatanodeId, _))| -> bool {
            *to == datanode || *from == datanode
        };
        self.copies.iter().filter(part).count()
    }

    /// Judges one order, and takes note of it.
    pub(crate) fn judge(&mut self, order: &Command, now: Time) -> Vec<Violation> {
        match *order {
            Command::Copy { block, from, to } => {
                let wrong = self.judge_copy(block, from, to);
                self.copies.insert((block.id, to), (from, now));
                self.copied += 1;
                wrong
            }
            Command::Delete { block, datanode } => {
                let wrong = self.judge_deletion(block, datanode);
                self.deletions.insert((block.id, datanode), now);
                self.deleted += 1;
                wrong
            }
        }
    }

    fn judge_copy(&self, block: Block, from: DatanodeId, to: DatanodeId) -> Vec<Violation> {
        let mut wrong = Wrong::of(block.id);
        let Some((version, wanted)) = self.closed.get(&block.id) else {
            wrong.add(
                Rule::Source,
                format!("it copies {}, which does not exist", block.id),
            );
            return wrong.0;
        };
        let good = self.good(block.id);
        if block != *version {
            let why = format!(
                "it copies {}, but what counts is {}",
                show(block),
                show(*version)
            );
            wrong.add(Rule::Source, why);
        }
        if !good.contains(&from) {
            let why = format!(
                "{} as the source: {}",
                name(from),
                self.what_of(block.id, from)
            );
            wrong.add(Rule::Source, why);
        }
        if let Some(why) = self.unfit(block, to) {
            wrong.add(Rule::Target, format!("{} as the target: {why}", name(to)));
        }
        for datanode in [from, to] {
            if self.streams(datanode) >= STREAMS_MAX {
                let why = format!(
                    "{} takes part in {} copies already, and {STREAMS_MAX} are allowed at a time",
                    name(datanode),
                    self.streams(datanode)
                );
                wrong.add(Rule::Streams, why);
            }
        }
        let coming = self.coming(block.id);
        let there: Vec<DatanodeId> = good.iter().chain(&coming).copied().collect();
        let racks = self.racks(&there);
        let elsewhere = !self.racks(&[to]).is_subset(&racks);
        let for_racks = *wanted >= 2 && racks.len() < 2 && elsewhere;
        if there.len() >= *wanted && !for_racks {
            let why = format!(
                "{} good replicas and {} on their way are enough for a block that should have {wanted}, and \
                 they stand in {} racks",
                good.len(),
                coming.len(),
                racks.len()
            );
            wrong.add(Rule::Needless, why);
        }
        wrong.0
    }

    /// Why a DataNode cannot take a copy.
    fn unfit(&self, block: Block, to: DatanodeId) -> Option<String> {
        let Some(node) = self.nodes.get(&to) else {
            return Some("it is dead, or has never registered".to_owned());
        };
        let lens = |id: &BlockId| self.closed.get(id).map_or(0, |(block, _)| block.len);
        let copies = self.copies.keys().filter(|(_, target)| *target == to);
        let coming: u64 = copies.map(|(id, _)| lens(id)).sum();
        let room = node.remaining.saturating_sub(coming);
        if !node.reported {
            Some("it has not reported its blocks since it registered".to_owned())
        } else if self
            .held
            .get(&block.id)
            .is_some_and(|held| held.contains_key(&to))
        {
            Some(format!("it has a replica: {}", self.what_of(block.id, to)))
        } else if self.copies.contains_key(&(block.id, to)) {
            Some("a copy of this block is on its way there".to_owned())
        } else if self.deletions.contains_key(&(block.id, to)) {
            Some(
                "a deletion of this block is unconfirmed there, and may hit the new replica"
                    .to_owned(),
            )
        } else if room < block.len {
            let remaining = node.remaining;
            Some(format!(
                "it has {remaining} bytes free, {coming} are on their way there, and the block has {}",
                block.len
            ))
        } else {
            None
        }
    }

    fn judge_deletion(&self, block: Block, datanode: DatanodeId) -> Vec<Violation> {
        let mut wrong = Wrong::of(block.id);
        let held = self
            .held
            .get(&block.id)
            .and_then(|held| held.get(&datanode));
        let what = self.what_of(block.id, datanode);
        if held.is_none_or(|held| held.version != block) {
            let why = format!("it deletes {} on {}: {what}", show(block), name(datanode));
            wrong.add(Rule::Deletion, why);
        }
        if self.deletions.contains_key(&(block.id, datanode)) {
            let why = format!(
                "it deletes the replica on {} again, though that is ordered, and neither confirmed nor timed out",
                name(datanode)
            );
            wrong.add(Rule::Deletion, why);
        }
        let Some((_, wanted)) = self.closed.get(&block.id) else {
            return wrong.0;
        };
        let good = self.good(block.id);
        let left: Vec<DatanodeId> = good.iter().copied().filter(|at| *at != datanode).collect();
        let names: Vec<String> = left.iter().map(|id| name(*id)).collect();
        let names = names.join(", ");
        if left.is_empty() {
            let why = format!(
                "no good replica is left for sure without {}: {what}",
                name(datanode)
            );
            wrong.add(Rule::LastReplica, why);
        } else if good.contains(&datanode) && left.len() < *wanted {
            let why = format!(
                "without {} the good replicas that are left for sure are {} ({names}), and the block should have {wanted}",
                name(datanode),
                left.len()
            );
            wrong.add(Rule::BelowFactor, why);
        }
        let (before, after) = (self.racks(&good).len(), self.racks(&left).len());
        if good.contains(&datanode) && left.len() >= 2 && before >= 2 && after < 2 {
            let why = format!(
                "without {} those that are left ({names}) stand in one rack",
                name(datanode)
            );
            wrong.add(Rule::Racks, why);
        }
        wrong.0
    }

    /// What is known of one DataNode's replica, as a clause.
    fn what_of(&self, block: BlockId, datanode: DatanodeId) -> String {
        if !self.nodes.contains_key(&datanode) {
            return "the DataNode is dead, or has never registered".to_owned();
        }
        let held = self.held.get(&block).and_then(|held| held.get(&datanode));
        let Some(held) = held else {
            return "it is not known to have a replica".to_owned();
        };
        let version = self.closed.get(&block).map(|(version, _)| *version);
        if self.deletions.contains_key(&(block, datanode)) {
            "its replica is going: its deletion was ordered".to_owned()
        } else if held.corrupt {
            "its replica is corrupt".to_owned()
        } else if let Some(version) = version.filter(|version| *version != held.version) {
            format!(
                "its replica is {}, and what counts is {}",
                show(held.version),
                show(version)
            )
        } else {
            format!("its replica, {}, is good", show(held.version))
        }
    }
}

/// A version of a block, in full.
pub(crate) fn show(block: Block) -> String {
    format!("{block} of {} bytes", block.len)
}

/// How the tests call a DataNode.
pub(crate) fn name(datanode: DatanodeId) -> String {
    format!("dn{}", datanode.0)
}

struct Wrong(Vec<Violation>, BlockId);

impl Wrong {
    fn of(block: BlockId) -> Wrong {
        Wrong(Vec::new(), block)
    }

    fn add(&mut self, rule: Rule, why: String) {
        self.0.push(Violation {
            rule,
            block: Some(self.1),
            why,
        });
    }
}
