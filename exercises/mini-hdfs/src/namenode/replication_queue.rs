//! Blocks that need another replica, the most endangered first (`LowRedundancyBlocks`).

use std::collections::BTreeMap;

use crate::block::BlockId;

/// How urgent it is, most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// One replica is left (`QUEUE_HIGHEST_PRIORITY`).
    Highest,
    /// Fewer than a third are left (`QUEUE_VERY_LOW_REDUNDANCY`).
    VeryLow,
    /// Fewer than there should be (`QUEUE_LOW_REDUNDANCY`).
    Low,
    /// Enough, but all in one rack (`QUEUE_REPLICAS_BADLY_DISTRIBUTED`).
    BadlyDistributed,
    /// None: every replica is corrupt or lost. There is nothing to copy from (`QUEUE_WITH_CORRUPT_BLOCKS`).
    Corrupt,
}

/// How urgently a block with `live` good replicas that should have `expected` needs another one; none if it does not.
/// `spread` says that its replicas stand in as many racks as they should.
///
/// While replicas are missing, their number alone decides; where they stand matters once there are enough.
pub fn priority(live: usize, expected: usize, spread: bool) -> Option<Priority> {
    let _ = (live, expected, spread);
    todo!(
        "hdfs/replication-queue: none, one, fewer than a third, fewer than expected; or enough, but badly spread."
    )
}

/// Blocks that need another replica, by priority.
#[derive(Clone, Debug, Default)]
pub struct ReplicationQueue {
    /// The blocks that are here. In which order they come up is for other fields to say.
    priorities: BTreeMap<BlockId, Priority>,
}

impl ReplicationQueue {
    /// Puts a block in at this priority, or moves it there; with `None`, takes it out. A block that stays at its
    /// priority keeps its place: if it has come up in this round it does not come up again.
    pub fn update(&mut self, block: BlockId, priority: Option<Priority>) {
        let _ = (block, priority);
        todo!(
            "hdfs/replication-queue: in, out, or to another priority; nothing at all when it stays."
        )
    }

    /// Takes a block out.
    pub fn remove(&mut self, block: BlockId) {
        self.update(block, None);
    }

    /// The next blocks to copy, `max` at most, the more urgent before the less; they stay in the queue. Blocks of
    /// [`Priority::Corrupt`] are not among them.
    ///
    /// Calls proceed in rounds, so that blocks that cannot be copied now do not stand in the way of others: in one
    /// round each block comes up once. One that is added or becomes more urgent meanwhile comes up in this round,
    /// before the less urgent ones. A call that finds the round at its end begins the next one. So an empty answer
    /// means that there is nothing to copy. One answer never names a block twice.
    pub fn choose(&mut self, max: usize) -> Vec<BlockId> {
        let _ = max;
        todo!(
            "hdfs/replication-queue: the most urgent of those that have not come up in this round."
        )
    }

    /// The priority of a block; none if it is not here.
    pub fn priority_of(&self, block: BlockId) -> Option<Priority> {
        self.priorities.get(&block).copied()
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.priorities.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.priorities.is_empty()
    }
}
