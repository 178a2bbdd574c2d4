//! Copies that are under way (`PendingReconstructionBlocks`): asked for, not yet reported. They count when it
//! is decided whether a block needs another copy; one that has not arrived in time does not any more.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;

use crate::block::{BlockId, DatanodeId};

#[derive(Clone, Copy, Debug)]
struct Copy {
    /// None when a client's pipeline writes it.
    source: Option<DatanodeId>,
    since: Time,
}

/// Copies under way.
#[derive(Clone, Debug, Default)]
pub struct PendingCopies {
    /// By block, then by target.
    copies: BTreeMap<BlockId, BTreeMap<DatanodeId, Copy>>,
    /// For each DataNode, the copies that it sends or receives, as (block, target).
    by_datanode: BTreeMap<DatanodeId, BTreeSet<(BlockId, DatanodeId)>>,
    /// How many each DataNode sends.
    sending: BTreeMap<DatanodeId, usize>,
    /// How many each DataNode receives.
    receiving: BTreeMap<DatanodeId, u64>,
    /// All copies, as (since when, block, target).
    begun: BTreeSet<(Time, BlockId, DatanodeId)>,
}

impl PendingCopies {
    /// A copy of `block` from `source` to `target` begins; no source when a client's pipeline is expected to
    /// deliver it.
    pub fn start(
        &mut self,
        block: BlockId,
        source: Option<DatanodeId>,
        target: DatanodeId,
        now: Time,
    ) {
        self.end(block, target);
        let copy = Copy { source, since: now };
        self.copies.entry(block).or_default().insert(target, copy);
        for datanode in source.into_iter().chain([target]) {
            let copies = self.by_datanode.entry(datanode).or_default();
            copies.insert((block, target));
        }
        if let Some(source) = source {
            *self.sending.entry(source).or_default() += 1;
        }
        *self.receiving.entry(target).or_default() += 1;
        self.begun.insert((now, block, target));
    }

    /// The copy of `block` to `target` has arrived, or is given up. Nothing happens if there is none.
    pub fn end(&mut self, block: BlockId, target: DatanodeId) {
        let Some(targets) = self.copies.get_mut(&block) else {
            return;
        };
        let Some(copy) = targets.remove(&target) else {
            return;
        };
        if targets.is_empty() {
            self.copies.remove(&block);
        }
        self.begun.remove(&(copy.since, block, target));
        for datanode in copy.source.into_iter().chain([target]) {
            if let Some(copies) = self.by_datanode.get_mut(&datanode) {
                copies.remove(&(block, target));
            }
        }
        if let Some(sending) = copy.source.and_then(|source| self.sending.get_mut(&source)) {
            *sending -= 1;
        }
        if let Some(receiving) = self.receiving.get_mut(&target) {
            *receiving -= 1;
        }
    }

    /// Gives up all copies of a block.
    pub fn end_block(&mut self, block: BlockId) {
        let targets: Vec<DatanodeId> = self.targets(block).collect();
        for target in targets {
            self.end(block, target);
        }
    }

    /// Gives up all copies from and to a DataNode, and returns their blocks.
    pub fn end_datanode(&mut self, datanode: DatanodeId) -> Vec<BlockId> {
        let copies = self.by_datanode.remove(&datanode).unwrap_or_default();
        for (block, target) in &copies {
            self.end(*block, *target);
        }
        self.sending.remove(&datanode);
        self.receiving.remove(&datanode);
        copies.into_iter().map(|(block, _)| block).collect()
    }

    /// Gives up the copies that began longer than `timeout` ago, and returns their blocks.
    pub fn end_late(&mut self, now: Time, timeout: Duration) -> Vec<BlockId> {
        let mut late = Vec::new();
        while let Some((since, block, target)) = self.begun.first().copied()
            && now.since(since) > timeout
        {
            self.end(block, target);
            late.push(block);
        }
        late
    }

    /// The DataNodes to which copies of a block are under way.
    pub fn targets(&self, block: BlockId) -> impl Iterator<Item = DatanodeId> + '_ {
        self.copies
            .get(&block)
            .into_iter()
            .flat_map(|targets| targets.keys().copied())
    }

    /// How many copies of a block are under way.
    pub fn count(&self, block: BlockId) -> usize {
        self.copies.get(&block).map_or(0, BTreeMap::len)
    }

    /// How many copies a DataNode sends.
    pub fn sending(&self, datanode: DatanodeId) -> usize {
        self.sending.get(&datanode).copied().unwrap_or(0)
    }

    /// How many copies a DataNode receives.
    pub fn receiving(&self, datanode: DatanodeId) -> u64 {
        self.receiving.get(&datanode).copied().unwrap_or(0)
    }

    /// How many blocks are being copied.
    pub fn len(&self) -> usize {
        self.copies.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_end_by_arrival_by_death_and_by_time() {
        let (block, node) = (BlockId, DatanodeId);
        let at = Time::from_millis;
        let mut pending = PendingCopies::default();
        pending.start(block(1), Some(node(1)), node(2), at(0));
        pending.start(block(1), Some(node(1)), node(3), at(0));
        pending.start(block(2), Some(node(2)), node(3), at(5));
        assert_eq!((pending.count(block(1)), pending.sending(node(1))), (2, 2));

        pending.end(block(1), node(2));
        assert_eq!((pending.count(block(1)), pending.sending(node(1))), (1, 1));
        assert_eq!(pending.end_datanode(node(2)), [block(2)]);
        assert_eq!(pending.receiving(node(3)), 1);

        // Begun anew, it has its full time again.
        pending.start(block(1), Some(node(1)), node(3), at(8));
        assert!(
            pending
                .end_late(at(12), Duration::from_millis(10))
                .is_empty()
        );
        assert_eq!(
            pending.end_late(at(19), Duration::from_millis(10)),
            [block(1)]
        );
        assert!(pending.is_empty() && pending.sending(node(1)) == 0);
    }
}
