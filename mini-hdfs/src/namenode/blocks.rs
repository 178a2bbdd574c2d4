//! The blocks map: which file a block belongs to, its state, and where its replicas are
//! (`BlocksMap`, `BlockInfo`). Only the id, generation and length of a block are durable, through the
//! edit log; where the replicas are is learnt from block reports alone.
//!
//! Every change goes through a method of [`BlocksMap`], so that the index by DataNode and the counts
//! of [`BlockCounts`] are right at any time without ever walking over all blocks.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use roaring::RoaringTreemap;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::id_map::IdMap;
use crate::block::{Block, BlockId, DatanodeId, GenerationStamp, InodeId};

/// How far a block is on its way to being unchangeable (`BlockUCState`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum BlockState {
    /// A client is writing it.
    UnderConstruction,
    /// The client has said its length, but fewer than the minimum of replicas are finalised.
    Committed,
    /// Length and generation are final, and the minimum of replicas was finalised.
    Complete,
}

/// What the NameNode knows of one block. A DataNode has at most one replica: a good one, a [corrupt](BlockInfo::corrupt) or an
/// [early](BlockInfo::early) one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockInfo {
    /// Id, generation and, once committed, length.
    pub block: Block,
    /// The file that it belongs to.
    pub inode: InodeId,
    /// How many replicas it should have.
    pub replication: u16,
    /// How far it is.
    pub state: BlockState,
    /// DataNodes with a finalised replica of this generation and length, sorted. None while the block
    /// is under construction.
    pub replicas: SmallVec<[DatanodeId; 3]>,
    /// What there is of few blocks, so that it takes no room in the others.
    unusual: Option<Box<Unusual>>,
}

/// Lists that are empty for a block that is complete, has good replicas alone, and as many as it should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Unusual {
    excess: Vec<DatanodeId>,
    away: AwayReplicas,
    corrupt: BTreeMap<DatanodeId, Block>,
    pipeline: Vec<DatanodeId>,
    early: BTreeMap<DatanodeId, Block>,
}

static NOTHING_UNUSUAL: Unusual = Unusual {
    excess: Vec::new(),
    away: AwayReplicas {
        decommissioned: Vec::new(),
        maintenance: Vec::new(),
        maintenance_min: 0,
    },
    corrupt: BTreeMap::new(),
    pipeline: Vec::new(),
    early: BTreeMap::new(),
};

impl Unusual {
    fn is_empty(&self) -> bool {
        self.excess.is_empty()
            && self.away.is_empty()
            && self.corrupt.is_empty()
            && self.pipeline.is_empty()
            && self.early.is_empty()
    }
}

/// Why the replicas of a DataNode do not count although they are good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Away {
    /// It is decommissioned, or about to be: what it holds must be elsewhere too.
    Decommission,
    /// It is in maintenance, or about to be: it will be back, and at least `min` replicas must be elsewhere meanwhile
    /// (`dfs.namenode.maintenance.replication.min`).
    Maintenance {
        /// See above.
        min: u16,
    },
}

/// The good replicas of one block, and not excess, on DataNodes that are not in service. They can be read and copied from, but do
/// not count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct AwayReplicas {
    /// On DataNodes that are or shall be decommissioned, sorted.
    decommissioned: Vec<DatanodeId>,
    /// On DataNodes that are or shall be in maintenance, sorted.
    maintenance: Vec<DatanodeId>,
    /// See [`Away::Maintenance`].
    maintenance_min: u16,
}

impl AwayReplicas {
    fn is_empty(&self) -> bool {
        self.decommissioned.is_empty() && self.maintenance.is_empty()
    }
}

impl BlockInfo {
    fn new(block: Block, inode: InodeId, replication: u16, state: BlockState) -> BlockInfo {
        BlockInfo {
            block,
            inode,
            replication,
            state,
            replicas: SmallVec::new(),
            unusual: None,
        }
    }

    fn unusual(&self) -> &Unusual {
        self.unusual.as_deref().unwrap_or(&NOTHING_UNUSUAL)
    }

    fn unusual_mut(&mut self) -> &mut Unusual {
        self.unusual.get_or_insert_default()
    }

    /// Those of `replicas` that are more than the file needs and chosen to be deleted, sorted. They are good, but do not
    /// count.
    pub fn excess(&self) -> &[DatanodeId] {
        &self.unusual().excess
    }

    /// DataNodes whose replica is corrupt or of a wrong generation or length, with the replica as it was when that was
    /// found. A newer one in its place is judged afresh.
    pub fn corrupt(&self) -> &BTreeMap<DatanodeId, Block> {
        &self.unusual().corrupt
    }

    /// While the block is under construction: the pipeline that writes it.
    pub fn pipeline(&self) -> &[DatanodeId] {
        &self.unusual().pipeline
    }

    /// While the block is under construction: DataNodes that have finalised their replica of this generation before the
    /// client committed the block, with the replica of each.
    pub fn early(&self) -> &BTreeMap<DatanodeId, Block> {
        &self.unusual().early
    }

    /// The good replicas that count: those on DataNodes in service, but for the excess ones.
    pub fn live(&self) -> impl Iterator<Item = DatanodeId> + '_ {
        let counts = |datanode: &DatanodeId| {
            !self.excess().contains(datanode) && !self.away().any(|away| away == *datanode)
        };
        self.replicas.iter().copied().filter(counts)
    }

    /// How many good replicas count.
    pub fn live_count(&self) -> usize {
        self.replicas.len() - self.excess().len() - self.away().count()
    }

    /// The good replicas on DataNodes that are to leave or have left the service.
    pub fn away(&self) -> impl Iterator<Item = DatanodeId> + '_ {
        let away = &self.unusual().away;
        away.decommissioned.iter().chain(&away.maintenance).copied()
    }

    /// The good replicas by whose racks it is judged whether the block is well distributed: those that count, and those that are
    /// in maintenance and will be back.
    pub fn standing(&self) -> impl Iterator<Item = DatanodeId> + '_ {
        self.live()
            .chain(self.unusual().away.maintenance.iter().copied())
    }

    /// How many replicas should count: as many as its file says, less those that are in maintenance and will be back
    /// (`getExpectedLiveRedundancyNum`).
    pub fn expected(&self) -> usize {
        let (replication, away) = (usize::from(self.replication), &self.unusual().away);
        if away.maintenance.is_empty() {
            return replication;
        }
        let min = usize::from(away.maintenance_min).min(replication);
        replication.saturating_sub(away.maintenance.len()).max(min)
    }

    /// Puts a replica among those that are away, or takes it from there, as its DataNode demands.
    fn settle(&mut self, datanode: DatanodeId, why: Option<Away>) {
        let would_count = self.replicas.binary_search(&datanode).is_ok()
            && self.excess().binary_search(&datanode).is_err();
        let why = why.filter(|_| would_count);
        if why.is_none() && self.unusual.is_none() {
            return;
        }
        let away = &mut self.unusual_mut().away;
        take(&mut away.decommissioned, datanode);
        take(&mut away.maintenance, datanode);
        match why {
            Some(Away::Decommission) => put(&mut away.decommissioned, datanode),
            Some(Away::Maintenance { min }) => {
                put(&mut away.maintenance, datanode);
                away.maintenance_min = min;
            }
            None => {}
        }
    }

    fn holders(&self) -> impl Iterator<Item = DatanodeId> + '_ {
        let bad = self.corrupt().keys().chain(self.early().keys());
        self.replicas.iter().chain(bad).copied()
    }

    /// Takes `datanode` out of every list of replicas; whether it was in one.
    fn drop_replica(&mut self, datanode: DatanodeId) -> bool {
        let found = self.replicas.binary_search(&datanode);
        if let Ok(index) = found {
            self.replicas.remove(index);
        }
        let Some(unusual) = &mut self.unusual else {
            return found.is_ok();
        };
        take(&mut unusual.excess, datanode);
        take(&mut unusual.away.decommissioned, datanode);
        take(&mut unusual.away.maintenance, datanode);
        let corrupt = unusual.corrupt.remove(&datanode).is_some();
        let early = unusual.early.remove(&datanode).is_some();
        found.is_ok() || corrupt || early
    }

    /// Gives back the room of lists that are empty again.
    fn tidy(&mut self) {
        if self.unusual().is_empty() {
            self.unusual = None;
        }
    }
}

fn take(sorted: &mut Vec<DatanodeId>, datanode: DatanodeId) {
    if let Ok(index) = sorted.binary_search(&datanode) {
        sorted.remove(index);
    }
}

fn put(sorted: &mut Vec<DatanodeId>, datanode: DatanodeId) {
    if let Err(index) = sorted.binary_search(&datanode) {
        sorted.insert(index, datanode);
    }
}

/// How many blocks are in which condition.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockCounts {
    /// Complete blocks.
    pub complete: u64,
    /// Complete blocks without any good replica.
    pub missing: u64,
    /// Complete blocks with at least one good replica, but fewer than they should have.
    pub under_replicated: u64,
    /// Blocks with at least one corrupt replica.
    pub corrupt: u64,
}

impl BlockCounts {
    pub(crate) fn of(info: &BlockInfo) -> BlockCounts {
        let complete = info.state == BlockState::Complete;
        let missing = info.replicas.is_empty();
        let under = !missing && info.live_count() < info.expected();
        BlockCounts {
            complete: u64::from(complete),
            missing: u64::from(complete && missing),
            under_replicated: u64::from(complete && under),
            corrupt: u64::from(!info.corrupt().is_empty()),
        }
    }

    pub(crate) fn add(&mut self, other: BlockCounts) {
        self.complete += other.complete;
        self.missing += other.missing;
        self.under_replicated += other.under_replicated;
        self.corrupt += other.corrupt;
    }

    fn subtract(&mut self, other: BlockCounts) {
        self.complete -= other.complete;
        self.missing -= other.missing;
        self.under_replicated -= other.under_replicated;
        self.corrupt -= other.corrupt;
    }
}

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
