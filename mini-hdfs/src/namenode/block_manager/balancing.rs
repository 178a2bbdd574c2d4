//! What the NameNode does for the balancer: it tells which blocks a full DataNode has, and lets the replica go that was moved.

use std::collections::BTreeSet;

use node::Rng;

use super::BlockManager;
use crate::balancer::StoredBlock;
use crate::block::{BlockId, DatanodeId};
use crate::error::FsError;
use crate::namenode::blocks::{BlockInfo, BlockState};
use crate::namenode::excess::Replica;

/// Blocks that one call looks at.
const LOOK_MAX: usize = 10_000;

impl BlockManager {
    /// Finished blocks of which a DataNode has a good replica, each of at least `min_block_size` bytes, until they have `size`
    /// bytes together; from a random one on, so that each call tells of others.
    ///
    /// # Errors
    /// `UnregisteredNode` when there is no such DataNode, or it is dead.
    pub fn get_blocks(
        &self,
        datanode: DatanodeId,
        size: u64,
        min_block_size: u64,
        rng: &mut Rng,
    ) -> Result<Vec<StoredBlock>, FsError> {
        if self.datanodes.alive(datanode).is_none() {
            return Err(FsError::UnregisteredNode(datanode.to_string()));
        }
        // In the order of ids, so that it ends at the first.
        let first = self.blocks.blocks_of(datanode).next();
        let last = self.blocks.last_id();
        let first = first.unwrap_or(last);
        let middle = BlockId(first.0 + rng.below((last.0 - first.0).max(1)));
        let after = self.blocks.blocks_in(datanode, &(middle..=last));
        let before = self.blocks.blocks_in(datanode, &(first..=middle));
        let (mut found, mut bytes) = (Vec::new(), 0_u64);
        for id in after.chain(before.filter(|id| *id < middle)).take(LOOK_MAX) {
            if bytes >= size {
                break;
            }
            let movable = |info: &&BlockInfo| {
                info.state == BlockState::Complete
                    && info.block.len >= min_block_size.max(1)
                    && info.live_count() == info.expected()
                    && info.live().any(|holder| holder == datanode)
            };
            if let Some(info) = self.blocks.get(id).filter(movable) {
                bytes = bytes.saturating_add(info.block.len);
                found.push(StoredBlock {
                    block: info.block,
                    holders: info.live().collect(),
                });
            }
        }
        Ok(found)
    }

    /// A replica was moved: if its block has one too many now, that of `delete` shall go.
    pub(super) fn note_moved(&mut self, id: BlockId, delete: DatanodeId) {
        if self.over_replicated.contains(&id) {
            self.delete_hints.insert(id, delete);
        }
    }
}

/// Whether the replica of `hint` may go since it was moved: enough others must have been reported, and stand in as many racks.
pub(super) fn may_go(hint: DatanodeId, replicas: &[Replica<'_>], expected: usize) -> bool {
    let counted: Vec<&Replica<'_>> = replicas.iter().filter(|r| r.reported).collect();
    let racks = |without: Option<DatanodeId>| {
        let stay = counted.iter().filter(|r| Some(r.datanode) != without);
        stay.map(|r| r.rack).collect::<BTreeSet<_>>().len()
    };
    let is_there = counted.iter().any(|r| r.datanode == hint);
    is_there && counted.len() > expected.max(1) && racks(Some(hint)) >= racks(None)
}
