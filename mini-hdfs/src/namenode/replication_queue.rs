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

const LEVELS: usize = 5;

/// How urgently a block with `live` good replicas that should have `expected` needs another one; none if it does not.
/// `spread` says that its replicas stand in as many racks as they should.
pub fn priority(live: usize, expected: usize, spread: bool) -> Option<Priority> {
    match live {
        _ if live >= expected && spread => None,
        _ if live >= expected => Some(Priority::BadlyDistributed),
        0 => Some(Priority::Corrupt),
        1 => Some(Priority::Highest),
        _ if live * 3 < expected => Some(Priority::VeryLow),
        _ => Some(Priority::Low),
    }
}

/// Blocks that need another replica, by priority.
#[derive(Clone, Debug, Default)]
pub struct ReplicationQueue {
    /// Each level in the order in which blocks came to it: an ever higher ticket for each.
    levels: [BTreeMap<u64, BlockId>; LEVELS],
    places: BTreeMap<BlockId, (Priority, u64)>,
    tickets: u64,
    /// The first ticket of each level that the current round has not come to.
    bookmarks: [u64; LEVELS],
}

impl ReplicationQueue {
    /// Puts a block in at this priority, or moves it there; with `None`, takes it out. A block that stays at its
    /// priority keeps its place.
    pub fn update(&mut self, block: BlockId, priority: Option<Priority>) {
        if self.priority_of(block) == priority {
            return;
        }
        if let Some((priority, ticket)) = self.places.remove(&block) {
            self.levels[priority as usize].remove(&ticket);
        }
        if let Some(priority) = priority {
            self.tickets += 1;
            self.places.insert(block, (priority, self.tickets));
            self.levels[priority as usize].insert(self.tickets, block);
        }
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
    /// means that there is nothing to copy.
    pub fn choose(&mut self, max: usize) -> Vec<BlockId> {
        let chosen = self.go_on(max);
        if !chosen.is_empty() {
            return chosen;
        }
        self.bookmarks = [0; LEVELS];
        self.go_on(max)
    }

    fn go_on(&mut self, max: usize) -> Vec<BlockId> {
        let mut chosen = Vec::new();
        for level in 0..Priority::Corrupt as usize {
            let rest = self.levels[level].range(self.bookmarks[level]..);
            for (ticket, block) in rest.take(max - chosen.len()) {
                self.bookmarks[level] = ticket + 1;
                chosen.push(*block);
            }
        }
        chosen
    }

    /// The priority of a block; none if it is not here.
    pub fn priority_of(&self, block: BlockId) -> Option<Priority> {
        self.places.get(&block).map(|(priority, _)| *priority)
    }

    /// How many blocks there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}
