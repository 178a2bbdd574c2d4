//! Replicas that DataNodes are told to delete (`InvalidateBlocks`).
//!
//! Unlike HDFS, which forgets a deletion once it is sent and learns of a lost one by the next full report, an
//! entry stays here until the DataNode confirms it, and is sent again when it does not.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use node::Time;

use crate::block::{Block, BlockId, DatanodeId, GenerationStamp};

#[derive(Clone, Debug, Default)]
struct Queue {
    entries: BTreeMap<BlockId, Entry>,
    /// Not sent yet, in order; those that are gone or sent meanwhile are passed over.
    waiting: VecDeque<BlockId>,
    /// Sent, in order; those that are gone or were sent again are passed over.
    sent: VecDeque<(Time, BlockId)>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    block: Block,
    sent: Option<Time>,
}

/// Deletions that DataNodes have not confirmed.
#[derive(Clone, Debug, Default)]
pub struct InvalidateQueue {
    queues: BTreeMap<DatanodeId, Queue>,
    len: u64,
}

impl InvalidateQueue {
    /// `datanode` shall delete its replica of `block`, in this generation or an older one.
    pub fn add(&mut self, datanode: DatanodeId, block: Block) {
        let queue = self.queues.entry(datanode).or_default();
        let known = queue.entries.get(&block.id);
        if known.is_some_and(|entry| entry.block.generation >= block.generation) {
            return;
        }
        self.len += u64::from(known.is_none());
        queue.entries.insert(block.id, Entry { block, sent: None });
        queue.waiting.push_back(block.id);
    }

    /// Whether a deletion is unconfirmed.
    pub fn contains(&self, datanode: DatanodeId, block: BlockId) -> bool {
        self.entry(datanode, block).is_some()
    }

    /// Whether a deletion was sent, so that it may have happened.
    pub fn is_sent(&self, datanode: DatanodeId, block: BlockId) -> bool {
        self.entry(datanode, block)
            .is_some_and(|entry| entry.sent.is_some())
    }

    /// The generation up to which the replica is to be deleted, while that is unconfirmed.
    pub fn generation(&self, datanode: DatanodeId, block: BlockId) -> Option<GenerationStamp> {
        self.entry(datanode, block)
            .map(|entry| entry.block.generation)
    }

    fn entry(&self, datanode: DatanodeId, block: BlockId) -> Option<&Entry> {
        self.queues.get(&datanode)?.entries.get(&block)
    }

    /// The replica is gone, or shall stay after all.
    pub fn remove(&mut self, datanode: DatanodeId, block: BlockId) {
        if let Some(queue) = self.queues.get_mut(&datanode) {
            self.len -= u64::from(queue.entries.remove(&block).is_some());
            if queue.entries.is_empty() {
                self.queues.remove(&datanode);
            }
        }
    }

    /// Forgets all deletions of a DataNode.
    pub fn remove_datanode(&mut self, datanode: DatanodeId) {
        if let Some(queue) = self.queues.remove(&datanode) {
            self.len -= queue.entries.len() as u64;
        }
    }

    /// What was sent to a DataNode may not have reached it: it is sent again without waiting.
    pub fn resend(&mut self, datanode: DatanodeId) {
        if let Some(queue) = self.queues.get_mut(&datanode) {
            queue.sent.clear();
            queue.waiting = queue.entries.keys().copied().collect();
            for entry in queue.entries.values_mut() {
                entry.sent = None;
            }
        }
    }

    /// The next deletions for a DataNode, `limit` at most: those sent longer than `resend_after` ago and not
    /// confirmed, then those never sent. One that `allowed` refuses is put off for as long.
    pub fn take(
        &mut self,
        datanode: DatanodeId,
        limit: usize,
        now: Time,
        resend_after: Duration,
        allowed: impl Fn(Block) -> bool,
    ) -> Vec<Block> {
        let mut taken = Vec::new();
        let Some(queue) = self.queues.get_mut(&datanode) else {
            return taken;
        };
        let mut seen = 0;
        while seen < limit {
            let late = queue.sent.front().copied();
            let late = late.filter(|(since, _)| now.since(*since) > resend_after);
            let (since, id) = match late {
                Some((since, id)) => {
                    queue.sent.pop_front();
                    (Some(since), id)
                }
                None => match queue.waiting.pop_front() {
                    Some(id) => (None, id),
                    None => break,
                },
            };
            let Some(entry) = queue.entries.get_mut(&id).filter(|e| e.sent == since) else {
                continue;
            };
            seen += 1;
            entry.sent = Some(now);
            queue.sent.push_back((now, id));
            if allowed(entry.block) {
                taken.push(entry.block);
            }
        }
        taken
    }

    /// The blocks that a DataNode has not confirmed.
    pub fn blocks_of(&self, datanode: DatanodeId) -> impl Iterator<Item = BlockId> + '_ {
        let queue = self.queues.get(&datanode);
        queue.into_iter().flat_map(|q| q.entries.keys().copied())
    }

    /// How many deletions are unconfirmed.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_is_sent_again_until_it_is_confirmed() {
        let node = DatanodeId(7);
        let blocks = [1, 2, 3].map(|id| Block::new(id, 1001, 0));
        let at = Time::from_millis;
        let resend = Duration::from_millis(10);
        let mut queue = InvalidateQueue::default();
        for block in blocks.into_iter().chain(blocks) {
            queue.add(node, block);
        }
        assert_eq!(queue.len(), 3);
        let take =
            |queue: &mut InvalidateQueue, now| queue.take(node, 2, at(now), resend, |_| true);
        assert_eq!(take(&mut queue, 0), blocks[..2]);
        assert_eq!(take(&mut queue, 1), blocks[2..]);
        assert_eq!(take(&mut queue, 2), []);
        queue.remove(node, BlockId(1));
        assert_eq!(take(&mut queue, 20), blocks[1..]);
        queue.resend(node);
        assert!(!queue.is_sent(node, BlockId(2)));
        assert_eq!(take(&mut queue, 21), blocks[1..]);
        queue.remove(node, BlockId(2));
        queue.remove(node, BlockId(3));
        assert!(queue.is_empty() && take(&mut queue, 99).is_empty());
    }
}
