//! What is really on the disks, whatever the NameNode believes: where each block of a closed file has a good replica.

use std::collections::{BTreeMap, BTreeSet};

use mini_hdfs::block::{Block, BlockId, DatanodeId};
use mini_hdfs::datanode::storage::Place;
use mini_hdfs::packet::checksums;
use node::NodeId;
use sim::{SimDisk, World};

use crate::cluster::Member;
use crate::history::History;
use crate::wire::NAMENODE;

/// A block of a closed file as it must be on a disk.
struct Expected {
    data_file: String,
    data: Vec<u8>,
    meta_file: String,
    meta: Vec<u8>,
}

impl Expected {
    fn new(block: Block, data: &[u8]) -> Expected {
        let mut meta = vec![0, 1, 2, 0, 0, 2, 0];
        meta.extend(checksums(data).iter().flat_map(|sum| sum.to_be_bytes()));
        Expected {
            data_file: Place::Finalized.data(block.id),
            data: data.to_vec(),
            meta_file: Place::Finalized.meta(block.id, block.generation),
            meta,
        }
    }

    /// Readers see it, and no crash can take it away.
    fn is_on(&self, disk: &SimDisk) -> bool {
        let holds = |file: &str, bytes: &[u8]| {
            disk.contents(file) == Some(bytes) && disk.durable(file) == Some(bytes)
        };
        holds(&self.data_file, &self.data) && holds(&self.meta_file, &self.meta)
    }
}

/// What is known of one block of a closed file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    /// The file.
    pub(crate) path: String,
    /// The block in its final generation.
    pub(crate) block: Block,
    /// How many replicas it should have, if that is known.
    pub(crate) replication: Option<u16>,
    /// Who has a good replica.
    pub(crate) now: BTreeSet<NodeId>,
    /// Who had one the last time; none when the block is new.
    pub(crate) before: Option<BTreeSet<NodeId>>,
    /// Whose replica was damaged by a fault, ever.
    pub(crate) damaged: BTreeSet<NodeId>,
    /// Those of them who still have it: nobody has read it since.
    pub(crate) unnoticed: BTreeSet<NodeId>,
    /// Whose disk was damaged since the last time.
    pub(crate) damaged_now: BTreeSet<NodeId>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Truth {
    version: u64,
    /// Every block that was ever in a closed file: while a file is being renamed nobody knows of it, but its disks still
    /// fail.
    expected: BTreeMap<BlockId, Expected>,
    /// Those that are in one now.
    closed: BTreeSet<BlockId>,
    /// Of each disk, its mark and damage when it was looked at.
    seen: BTreeMap<NodeId, (u64, u64)>,
    holders: BTreeMap<BlockId, Holders>,
}

impl Truth {
    /// Looks at the disks that have changed.
    pub(crate) fn refresh(&mut self, world: &World<Member>, history: &History) {
        for holders in self.holders.values_mut() {
            holders.before = Some(holders.now.clone());
            holders.damaged_now.clear();
        }
        let stale = self.version != history.version;
        if stale {
            self.version = history.version;
            self.expect(history);
        }
        for node in world.ids().filter(|id| is_datanode(world, *id)) {
            let Some(disk) = world.disk(node) else {
                continue;
            };
            let damage = disk.damage();
            let seen = self.seen.insert(node, (disk.mark(), damage));
            if stale || seen != Some((disk.mark(), damage)) {
                let hit = damage > seen.map_or(0, |(_, damage)| damage);
                let reported = if hit {
                    reported_by(node, world, history)
                } else {
                    BTreeSet::new()
                };
                self.look(node, disk, hit, &reported);
            }
        }
    }

    fn expect(&mut self, history: &History) {
        self.closed.clear();
        for (path, file) in history.closed_files() {
            let mut rest = &file.bytes[..];
            for block in &file.blocks {
                let len = usize::try_from(block.len).unwrap_or(usize::MAX);
                let (data, after) = rest.split_at(len.min(rest.len()));
                rest = after;
                self.closed.insert(block.id);
                let expected = self.expected.entry(block.id);
                expected.or_insert_with(|| Expected::new(*block, data));
                let holders = self.holders.entry(block.id).or_default();
                holders.path.clone_from(path);
                holders.block = *block;
                holders.replication = file.replication;
            }
        }
    }

    /// `reported` are blocks of which the NameNode knows a replica there, where the disk was hit: one may have come and gone with the
    /// disk since the last look.
    fn look(&mut self, node: NodeId, disk: &SimDisk, hit: bool, reported: &BTreeSet<BlockId>) {
        for (id, expected) in &self.expected {
            let holders = self.holders.entry(*id).or_default();
            let there = disk.contents(&expected.data_file).is_some();
            // Before its file was closed, nobody looked: it may have been on a disk that was lost since.
            let hit_before = holders.before.is_none() && disk.damage() > 0;
            if expected.is_on(disk) {
                holders.now.insert(node);
                holders.damaged.remove(&node);
            } else {
                let was_good = holders.now.remove(&node);
                // It may have come and been damaged since the last look.
                if hit && (was_good || there || reported.contains(id)) || hit_before {
                    holders.damaged.insert(node);
                }
            }
            if hit {
                holders.damaged_now.insert(node);
            }
            if there && holders.damaged.contains(&node) {
                holders.unnoticed.insert(node);
            } else {
                holders.unnoticed.remove(&node);
            }
        }
    }

    /// Whether a fault has damaged any DataNode's disk.
    pub(crate) fn is_damaged(&self) -> bool {
        self.seen.values().any(|(_, damage)| *damage > 0)
    }

    /// All blocks of closed files.
    pub(crate) fn blocks(&self) -> impl Iterator<Item = &Holders> {
        self.closed.iter().filter_map(|id| self.holders.get(id))
    }

    /// Blocks that were in closed files and are not now: deleted, or perhaps deleted.
    pub(crate) fn former_blocks(&self) -> impl Iterator<Item = &Holders> {
        let former = |id: &&BlockId| !self.closed.contains(id);
        self.holders
            .iter()
            .filter(move |(id, _)| former(id))
            .map(|(_, holders)| holders)
    }

    /// One of the blocks of closed files.
    pub(crate) fn block(&self, id: BlockId) -> Option<&Holders> {
        self.holders.get(&id).filter(|_| self.closed.contains(&id))
    }
}

fn reported_by(node: NodeId, world: &World<Member>, history: &History) -> BTreeSet<BlockId> {
    let core = world.node(NAMENODE).and_then(Member::namenode);
    let is_it = |(id, its): (&DatanodeId, &NodeId)| (*its == node).then_some(*id);
    let ids = history.datanodes.iter().filter_map(is_it);
    let blocks = core.map(|core| core.blocks().blocks());
    let held = ids.flat_map(|id| {
        blocks
            .into_iter()
            .flat_map(move |blocks| blocks.blocks_of(id))
    });
    held.collect()
}

fn is_datanode(world: &World<Member>, id: NodeId) -> bool {
    world
        .name(id)
        .is_some_and(|name| name.starts_with("datanode"))
}
