//! What is known of one block, in as few bytes as it goes: there are millions.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::block::{Block, DatanodeId, InodeId};

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
pub(super) struct Unusual {
    pub(super) excess: Vec<DatanodeId>,
    away: AwayReplicas,
    pub(super) corrupt: BTreeMap<DatanodeId, Block>,
    pub(super) pipeline: Vec<DatanodeId>,
    pub(super) early: BTreeMap<DatanodeId, Block>,
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
    pub(super) fn new(
        block: Block,
        inode: InodeId,
        replication: u16,
        state: BlockState,
    ) -> BlockInfo {
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

    pub(super) fn unusual_mut(&mut self) -> &mut Unusual {
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
    pub(super) fn settle(&mut self, datanode: DatanodeId, why: Option<Away>) {
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

    pub(super) fn holders(&self) -> impl Iterator<Item = DatanodeId> + '_ {
        let bad = self.corrupt().keys().chain(self.early().keys());
        self.replicas.iter().chain(bad).copied()
    }

    /// Takes `datanode` out of every list of replicas; whether it was in one.
    pub(super) fn drop_replica(&mut self, datanode: DatanodeId) -> bool {
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
    pub(super) fn tidy(&mut self) {
        if self.unusual().is_empty() {
            self.unusual = None;
        }
    }
}

pub(super) fn take(sorted: &mut Vec<DatanodeId>, datanode: DatanodeId) {
    if let Ok(index) = sorted.binary_search(&datanode) {
        sorted.remove(index);
    }
}

pub(super) fn put(sorted: &mut Vec<DatanodeId>, datanode: DatanodeId) {
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

    pub(super) fn subtract(&mut self, other: BlockCounts) {
        self.complete -= other.complete;
        self.missing -= other.missing;
        self.under_replicated -= other.under_replicated;
        self.corrupt -= other.corrupt;
    }
}
