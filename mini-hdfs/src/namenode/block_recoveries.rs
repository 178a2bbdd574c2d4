//! Recoveries of blocks that are under way (`PendingRecoveryBlocks`, and the primary in `BlockUnderConstructionFeature`).
//!
//! The NameNode does not recover a block; it asks a DataNode to. That one may die of it, or be cut off, or its word may
//! be lost. So each attempt has a number, its *recovery id*, which is the generation that the replicas get; it has a deadline;
//! and the next attempt goes to another DataNode. What comes of an earlier attempt after a later one has begun does
//! not count.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;

use crate::block::{BlockId, DatanodeId, GenerationStamp};
use crate::protocol::RecoveringBlock;

#[derive(Clone, Debug)]
struct Attempt {
    recovery_id: GenerationStamp,
    began: Time,
    primary: DatanodeId,
    /// DataNodes that were the primary since all of them last were.
    tried: BTreeSet<DatanodeId>,
    /// For the primary's next heartbeat; none once it was sent.
    order: Option<RecoveringBlock>,
}

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct BlockRecoveries {
    attempts: BTreeMap<BlockId, Attempt>,
}

impl BlockRecoveries {
    /// Whether an attempt is under way that began no longer than `timeout` ago.
    pub fn is_under_way(&self, id: BlockId, now: Time, timeout: Duration) -> bool {
        let attempt = self.attempts.get(&id);
        attempt.is_some_and(|attempt| now.since(attempt.began) <= timeout)
    }

    /// The primary of the next attempt: the DataNode heard last of those that had no turn yet. None where there is no DataNode.
    pub fn choose_primary(
        &self,
        id: BlockId,
        datanodes: &[(DatanodeId, Time)],
    ) -> Option<DatanodeId> {
        let tried = self.attempts.get(&id).map(|attempt| &attempt.tried);
        let had_turn = |node: &DatanodeId| tried.is_some_and(|tried| tried.contains(node));
        let heard_last = datanodes
            .iter()
            .max_by_key(|(node, heard)| (!had_turn(node), *heard, *node));
        heard_last.map(|(node, _)| *node)
    }

    /// An attempt begins, and any before it is void.
    pub fn begin(&mut self, order: RecoveringBlock, primary: DatanodeId, now: Time) {
        let id = order.block.id;
        let before = self.attempts.remove(&id);
        let mut tried = before.map(|attempt| attempt.tried).unwrap_or_default();
        if !tried.insert(primary) {
            // All had their turn.
            tried = BTreeSet::from([primary]);
        }
        let attempt = Attempt {
            recovery_id: order.recovery_id,
            began: now,
            primary,
            tried,
            order: Some(order),
        };
        self.attempts.insert(id, attempt);
    }

    /// What `primary` is to be told to recover, once.
    pub fn take_orders(&mut self, primary: DatanodeId) -> Vec<RecoveringBlock> {
        let its = self.attempts.values_mut();
        let its = its.filter(|attempt| attempt.primary == primary);
        its.filter_map(|attempt| attempt.order.take()).collect()
    }

    /// The attempt that counts.
    pub fn current(&self, id: BlockId) -> Option<GenerationStamp> {
        self.attempts.get(&id).map(|attempt| attempt.recovery_id)
    }

    /// The block is recovered, or gone.
    pub fn end(&mut self, id: BlockId) {
        self.attempts.remove(&id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::block::Block;

    #[test]
    fn each_datanode_gets_its_turn_and_each_order_is_given_once() {
        let at = Time::from_millis;
        let (a, b) = (DatanodeId(1), DatanodeId(2));
        let block = Block::new(7, 1001, 0);
        let mut recoveries = BlockRecoveries::default();
        assert_eq!(recoveries.choose_primary(block.id, &[]), None);
        let heard = [(a, at(5)), (b, at(3))];
        for (attempt, expected) in [(1002, a), (1003, b), (1004, a)] {
            let primary = recoveries.choose_primary(block.id, &heard);
            assert_eq!(primary, Some(expected), "attempt {attempt}");
            let order = RecoveringBlock {
                block,
                recovery_id: GenerationStamp(attempt),
                locations: Vec::new(),
            };
            recoveries.begin(order.clone(), expected, at(attempt));
            assert_eq!(recoveries.current(block.id), Some(order.recovery_id));
            assert_eq!(recoveries.take_orders(expected), [order]);
            assert_eq!(recoveries.take_orders(expected), []);
        }
        let timeout = Duration::from_millis(10);
        assert!(recoveries.is_under_way(block.id, at(1014), timeout));
        assert!(!recoveries.is_under_way(block.id, at(1015), timeout));
        recoveries.end(block.id);
        assert!(!recoveries.is_under_way(block.id, at(1014), timeout));
    }
}
