//! The blocks map: which file a block belongs to, its state, and where its replicas are
//! (`BlocksMap`, `BlockInfo`). Only the id, generation and length of a block are durable, through the
//! edit log; where the replicas are is learnt from block reports alone.
//!
//! Every change goes through a method of [`BlocksMap`], so that the index by DataNode and the counts
//! of [`BlockCounts`] are right at any time without ever walking over all blocks.

mod info;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use roaring::RoaringTreemap;

use super::id_map::IdMap;
use crate::block::{Block, BlockId, DatanodeId, GenerationStamp, InodeId};
pub use info::{Away, BlockCounts, BlockInfo, BlockState};
use info::{put, take};

/// All blocks of the file system.
#[derive(Clone, Debug)]
pub struct BlocksMap {
    blocks: IdMap<BlockInfo>,
    /// The blocks of which each DataNode holds a replica, good or corrupt. Millions, of ids that lie close to each other: compressed
    /// bitmaps hold them in 2 bytes for each, or less.
    by_datanode: BTreeMap<DatanodeId, RoaringTreemap>,
    /// The blocks that each DataNode is writing in a pipeline.
    pipelines: BTreeMap<DatanodeId, BTreeSet<BlockId>>,
    /// DataNodes whose replicas do not count, and why.
    away: BTreeMap<DatanodeId, Away>,
    counts: BlockCounts,
    last_id: BlockId,
    last_generation: GenerationStamp,
}

impl Default for BlocksMap {
    fn default() -> BlocksMap {
        BlocksMap {
            blocks: IdMap::default(),
            by_datanode: BTreeMap::new(),
            pipelines: BTreeMap::new(),
            away: BTreeMap::new(),
            counts: BlockCounts::default(),
            last_id: BlocksMap::LAST_RESERVED_ID,
            last_generation: GenerationStamp::FIRST,
        }
    }
}

/// What is durable: the replay of the edit log and the loading of an fsimage use nothing else.
impl BlocksMap {
    /// The id of the last block in a file system without blocks (`LAST_RESERVED_BLOCK_ID`).
    pub const LAST_RESERVED_ID: BlockId = BlockId(1 << 30);

    /// Adds a block without replicas. Ids and generations handed out later are higher than its own.
    pub fn insert(&mut self, block: Block, inode: InodeId, replication: u16, state: BlockState) {
        let info = BlockInfo::new(block, inode, replication, state);
        self.remove(block.id);
        self.raise_last_id(block.id);
        self.raise_last_generation(block.generation);
        self.counts.add(BlockCounts::of(&info));
        self.blocks.insert(block.id.0, info);
    }

    /// The block with this id.
    pub fn get(&self, id: BlockId) -> Option<&BlockInfo> {
        self.blocks.get(id.0)
    }

    /// Sets a block's generation, length and state; replicas are left as they are. Whether there is such a block.
    pub fn update(&mut self, block: Block, state: BlockState) -> bool {
        self.raise_last_generation(block.generation);
        self.edit(block.id, |info| {
            info.block = block;
            info.state = state;
        })
        .is_some()
    }

    /// Sets how many replicas a block should have. Whether there is such a block.
    pub fn set_replication(&mut self, id: BlockId, replication: u16) -> bool {
        self.edit(id, |info| info.replication = replication)
            .is_some()
    }

    /// Takes a block out, and all that was known of its replicas.
    pub fn remove(&mut self, id: BlockId) -> Option<BlockInfo> {
        let pipeline = self.blocks.get(id.0)?.pipeline().to_vec();
        self.set_pipeline(id, Vec::new());
        let mut info = self.blocks.remove(id.0)?;
        info.unusual_mut().pipeline = pipeline;
        info.tidy();
        self.counts.subtract(BlockCounts::of(&info));
        for datanode in info.holders() {
            self.unindex(datanode, id);
        }
        Some(info)
    }

    /// The highest block id handed out so far.
    pub fn last_id(&self) -> BlockId {
        self.last_id
    }

    /// The highest generation stamp handed out so far.
    pub fn last_generation(&self) -> GenerationStamp {
        self.last_generation
    }

    /// Block ids up to this one count as handed out.
    pub fn raise_last_id(&mut self, id: BlockId) {
        self.last_id = self.last_id.max(id);
    }

    /// Generation stamps up to this one count as handed out.
    pub fn raise_last_generation(&mut self, generation: GenerationStamp) {
        self.last_generation = self.last_generation.max(generation);
    }

    /// All blocks, by id.
    pub fn iter(&self) -> impl Iterator<Item = &BlockInfo> {
        self.blocks.range(0).map(|(_, info)| info)
    }

    /// Up to `limit` block ids from `from` on.
    pub fn ids_from(&self, from: BlockId, limit: usize) -> Vec<BlockId> {
        let ids = self.blocks.range(from.0).map(|(id, _)| BlockId(id));
        ids.take(limit).collect()
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.blocks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.blocks.len() == 0
    }

    /// How many blocks are in which condition.
    pub fn counts(&self) -> BlockCounts {
        self.counts
    }
}

/// What is learnt from DataNodes.
impl BlocksMap {
    /// `datanode` has a good replica, whatever it had before.
    pub fn add_replica(&mut self, id: BlockId, datanode: DatanodeId) {
        let away = self.away.get(&datanode).copied();
        self.place(id, datanode, |info| {
            if let Err(index) = info.replicas.binary_search(&datanode) {
                info.replicas.insert(index, datanode);
            }
            if away.is_some() {
                info.settle(datanode, away);
            }
        });
    }

    /// `datanode` has finalised this replica of a block under construction.
    pub fn add_early(&mut self, replica: Block, datanode: DatanodeId) {
        self.place(replica.id, datanode, |info| {
            info.unusual_mut().early.insert(datanode, replica);
        });
    }

    /// The replica on `datanode` is bad; `replica` is what it looks like.
    pub fn add_corrupt(&mut self, replica: Block, datanode: DatanodeId) {
        self.place(replica.id, datanode, |info| {
            info.unusual_mut().corrupt.insert(datanode, replica);
        });
    }

    /// `datanode` has no replica any more. Whether it had one.
    pub fn remove_replica(&mut self, id: BlockId, datanode: DatanodeId) -> bool {
        self.unindex(datanode, id);
        self.edit(id, |info| info.drop_replica(datanode)) == Some(true)
    }

    /// Whether the good replica on `datanode` is one too many.
    pub fn set_excess(&mut self, id: BlockId, datanode: DatanodeId, excess: bool) {
        let away = self.away.get(&datanode).copied();
        self.edit(id, |info| {
            let has = info.replicas.binary_search(&datanode).is_ok();
            let list = &mut info.unusual_mut().excess;
            take(list, datanode);
            if excess && has {
                put(list, datanode);
            }
            info.settle(datanode, away);
        });
    }

    /// From now on, replicas of `datanode` do not count, or count again. Those that are known already follow one by one,
    /// by [`BlocksMap::settle`]: there may be millions.
    pub fn set_away(&mut self, datanode: DatanodeId, why: Option<Away>) {
        match why {
            Some(why) => self.away.insert(datanode, why),
            None => self.away.remove(&datanode),
        };
    }

    /// Lets the replica on `datanode` count, or not, as [`BlocksMap::set_away`] has said.
    pub fn settle(&mut self, id: BlockId, datanode: DatanodeId) {
        let away = self.away.get(&datanode).copied();
        self.edit(id, |info| info.settle(datanode, away));
    }

    /// Sets the DataNodes that write the block now.
    pub fn set_pipeline(&mut self, id: BlockId, pipeline: Vec<DatanodeId>) {
        let Some(info) = self.blocks.get_mut(id.0) else {
            return;
        };
        for datanode in info.pipeline() {
            let writes = self.pipelines.entry(*datanode).or_default();
            writes.remove(&id);
            if writes.is_empty() {
                self.pipelines.remove(datanode);
            }
        }
        for datanode in &pipeline {
            self.pipelines.entry(*datanode).or_default().insert(id);
        }
        info.unusual_mut().pipeline = pipeline;
        info.tidy();
    }

    /// In how many pipelines a DataNode is.
    pub fn pipelines_of(&self, datanode: DatanodeId) -> u64 {
        let writes = self.pipelines.get(&datanode);
        writes.map_or(0, |writes| writes.len() as u64)
    }

    /// The blocks that a DataNode is writing in a pipeline.
    pub fn written_by(&self, datanode: DatanodeId) -> impl Iterator<Item = BlockId> + '_ {
        self.pipelines.get(&datanode).into_iter().flatten().copied()
    }

    /// The blocks of which `datanode` holds a replica, good or corrupt.
    pub fn blocks_of(&self, datanode: DatanodeId) -> impl Iterator<Item = BlockId> + '_ {
        let held = self.by_datanode.get(&datanode).into_iter().flatten();
        held.map(BlockId)
    }

    /// Those of them with an id in `part`.
    pub fn blocks_in(
        &self,
        datanode: DatanodeId,
        part: &RangeInclusive<BlockId>,
    ) -> impl Iterator<Item = BlockId> + '_ {
        let (first, last) = (part.start().0, part.end().0);
        let from_first = self.by_datanode.get(&datanode).map(|held| {
            let mut ids = held.iter();
            ids.advance_to(first);
            ids
        });
        let ids = from_first.into_iter().flatten();
        ids.take_while(move |id| *id <= last).map(BlockId)
    }

    /// How many those are.
    pub fn count_of(&self, datanode: DatanodeId) -> u64 {
        self.by_datanode.get(&datanode).map_or(0, |held| held.len())
    }

    fn place(&mut self, id: BlockId, datanode: DatanodeId, add: impl FnOnce(&mut BlockInfo)) {
        let placed = self.edit(id, |info| {
            info.drop_replica(datanode);
            add(info);
        });
        if placed.is_some() {
            self.by_datanode.entry(datanode).or_default().insert(id.0);
        }
    }

    fn unindex(&mut self, datanode: DatanodeId, id: BlockId) {
        if let Some(blocks) = self.by_datanode.get_mut(&datanode) {
            blocks.remove(id.0);
            if blocks.is_empty() {
                self.by_datanode.remove(&datanode);
            }
        }
    }

    fn edit<R>(&mut self, id: BlockId, change: impl FnOnce(&mut BlockInfo) -> R) -> Option<R> {
        let info = self.blocks.get_mut(id.0)?;
        self.counts.subtract(BlockCounts::of(info));
        let result = change(info);
        info.tidy();
        self.counts.add(BlockCounts::of(info));
        Some(result)
    }
}
