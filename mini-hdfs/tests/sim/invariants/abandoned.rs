//! What a dead writer was told is safe is in the file when it is closed for him.
//!
//! He was told of bytes in the memory of every node of his pipeline, and of bytes on their disks. As long as one of the nodes that were to
//! be asked in the recovery has kept its memory, all of the former must be there; as long as one has kept its disk, the latter.

use std::collections::{BTreeMap, BTreeSet};

use mini_hdfs::block::{BlockId, GenerationStamp};
use mini_hdfs::namenode::blocks::BlockState;
use node::NodeId;
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::{Shared, Told};
use crate::wire::NAMENODE;

/// Who still has what was promised.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Keepers {
    /// In memory, and all the time since.
    memory: BTreeSet<NodeId>,
    /// On an undamaged disk.
    disk: BTreeSet<NodeId>,
}

/// Whether a block may have been closed with `len` bytes by a recovery that asked these nodes.
fn judge(
    promise: &Told,
    keepers: &Keepers,
    asked: &BTreeSet<NodeId>,
    len: u64,
) -> Result<(), String> {
    let Told { path, .. } = promise;
    let has = |kept: &BTreeSet<NodeId>| kept.intersection(asked).next().copied();
    match (has(&keepers.memory), has(&keepers.disk)) {
        (Some(node), _) if len < promise.len => Err(format!(
            "{path} was closed with {len} bytes in its last block; {} were hflushed, and {node} has them in memory",
            promise.len
        )),
        (_, Some(node)) if len < promise.synced => Err(format!(
            "{path} was closed with {len} bytes in its last block; {} were hsynced, and {node} has them on its disk",
            promise.synced
        )),
        _ => Ok(()),
    }
}

pub(crate) struct Abandoned {
    history: Shared,
    /// Each node's life and the damage of its disk at the last look.
    seen: BTreeMap<NodeId, (u32, u64)>,
    kept: BTreeMap<BlockId, (Told, Keepers)>,
    asked: BTreeMap<(BlockId, GenerationStamp), BTreeSet<NodeId>>,
}

impl Abandoned {
    pub(crate) fn new(history: Shared) -> Abandoned {
        Abandoned {
            history,
            seen: BTreeMap::new(),
            kept: BTreeMap::new(),
            asked: BTreeMap::new(),
        }
    }

    /// Follows what became of the nodes since the last look.
    fn look(&mut self, world: &World<Member>) {
        let history = self.history.borrow();
        let mut steady = Keepers::default();
        for node in world.ids() {
            let damage = world.disk(node).map_or(0, |disk| disk.damage());
            let now = (world.life(node), damage);
            let before = self.seen.insert(node, now);
            if before.is_some_and(|(_, before)| before == damage) {
                steady.disk.insert(node);
                if before == Some(now) && world.node(node).is_some() {
                    steady.memory.insert(node);
                }
            }
        }
        for (id, promise) in &history.told {
            let new = self
                .kept
                .get(id)
                .is_none_or(|(before, _)| before != promise);
            let (_, keepers) = self
                .kept
                .entry(*id)
                .or_insert_with(|| (promise.clone(), Keepers::default()));
            if new {
                let nodes = promise
                    .nodes
                    .iter()
                    .filter_map(|node| history.datanodes.get(node));
                let nodes: BTreeSet<NodeId> = nodes.copied().collect();
                *keepers = Keepers {
                    memory: nodes.clone(),
                    disk: nodes,
                };
            }
            keepers.memory.retain(|node| steady.memory.contains(node));
            keepers.disk.retain(|node| steady.disk.contains(node));
            if new {
                let keepers = keepers.clone();
                self.kept.insert(*id, (promise.clone(), keepers));
            }
        }
    }
}

impl Invariant<Member> for Abandoned {
    fn name(&self) -> &'static str {
        "what-a-dead-writer-was-promised-is-kept"
    }

    fn sentence(&self) -> &'static str {
        "What a dead writer was told is safe is in the file when it is closed for him"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        self.look(world);
        let mut history = self.history.borrow_mut();
        for order in std::mem::take(&mut history.recoveries) {
            let nodes = order
                .locations
                .iter()
                .filter_map(|node| history.datanodes.get(&node.id));
            self.asked.insert(
                (order.block.id, order.recovery_id),
                nodes.copied().collect(),
            );
        }
        let Some(core) = world.node(NAMENODE).and_then(Member::namenode) else {
            return Ok(());
        };
        for ((id, recovery_id), asked) in &self.asked {
            let info = core.blocks().blocks().get(*id);
            let closed = info.filter(|info| {
                info.state != BlockState::UnderConstruction && info.block.generation == *recovery_id
            });
            if let (Some(info), Some((promise, keepers))) = (closed, self.kept.get(id)) {
                judge(promise, keepers, asked, info.block.len)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_kept_must_not_be_lost() {
        let nodes = |ids: &[u32]| ids.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
        let promise = Told {
            path: "/f".into(),
            len: 700,
            synced: 500,
            nodes: Vec::new(),
        };
        let judge = |memory: &[u32], disk: &[u32], asked: &[u32], len| {
            let keepers = Keepers {
                memory: nodes(memory),
                disk: nodes(disk),
            };
            judge(&promise, &keepers, &nodes(asked), len)
        };
        assert_eq!(judge(&[1], &[1, 2], &[1, 2], 700), Ok(()));
        assert!(judge(&[1], &[1, 2], &[1, 2], 699).is_err());
        assert_eq!(judge(&[1], &[1, 2], &[2], 500), Ok(()), "1 was dead");
        assert!(judge(&[], &[2], &[2], 499).is_err());
        assert_eq!(judge(&[], &[], &[2], 0), Ok(()));
    }
}
