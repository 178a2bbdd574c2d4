//! A block never falls to no good replica while one of its replicas lives: the NameNode never orders the last good
//! one to be deleted.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mini_hdfs::block::{Block, BlockId, DatanodeId};
use node::NodeId;
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::Shared;
use crate::truth::{Holders, Truth};

/// The NameNode told a DataNode to delete a replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Whom.
    pub(crate) from: DatanodeId,
    /// Replicas of this generation, or older ones.
    pub(crate) block: Block,
}

/// What has happened to orders, in order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OrderNews {
    /// One was given.
    Given(Order),
    /// A DataNode has carried one out.
    Done(DatanodeId, BlockId),
    /// A DataNode has registered anew: what it was told before and has not done, it never will.
    Void(DatanodeId),
}

/// Whether a node may be told to delete its replica while others hold good ones, some of which are `ordered` to be
/// deleted already.
fn judge(
    order: Block,
    node: NodeId,
    block: &Holders,
    ordered: &BTreeSet<NodeId>,
) -> Result<(), String> {
    let is_old = order.generation < block.block.generation;
    // Orders given since the last look may have been carried out already.
    let held: BTreeSet<NodeId> = block
        .before
        .iter()
        .flatten()
        .chain(&block.now)
        .copied()
        .collect();
    let others = held.iter().filter(|holder| **holder != node);
    let stays = others.filter(|holder| !ordered.contains(holder)).count();
    // See `readable`: it may trust damaged replicas until somebody reads them.
    let misled = block.damaged.len() >= usize::from(block.replication.unwrap_or(1));
    if is_old || stays > 0 || misled || held.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{node} is told to delete {order} of {}, and of the good replicas on {:?} none would be left; damaged {:?}, ordered {:?}, of {:?}",
        block.path, held, block.damaged, ordered, block.replication
    ))
}

pub(crate) struct LastReplica {
    history: Shared,
    truth: Rc<RefCell<Truth>>,
    /// Orders that have not been carried out. Who crashes forgets them, and who registers drops them.
    ordered: BTreeMap<BlockId, BTreeSet<(NodeId, u32)>>,
}

impl LastReplica {
    pub(crate) fn new(history: Shared, truth: Rc<RefCell<Truth>>) -> LastReplica {
        LastReplica {
            history,
            truth,
            ordered: BTreeMap::new(),
        }
    }
}

impl Invariant<Member> for LastReplica {
    fn name(&self) -> &'static str {
        "the-last-replica-is-kept"
    }

    fn sentence(&self) -> &'static str {
        "A block never falls to no good replica while one of its replicas lives"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let mut truth = self.truth.borrow_mut();
        let mut history = self.history.borrow_mut();
        truth.refresh(world, &history);
        // Who has carried out an order may get a new replica later.
        for (id, nodes) in &mut self.ordered {
            nodes.retain(|(node, life)| {
                let holds = truth.block(*id).is_some_and(|b| b.now.contains(node));
                holds && world.node(*node).is_some() && world.life(*node) == *life
            });
        }
        for news in std::mem::take(&mut history.orders) {
            let (OrderNews::Given(Order { from, .. })
            | OrderNews::Done(from, _)
            | OrderNews::Void(from)) = news;
            let Some(node) = history.datanodes.get(&from) else {
                continue;
            };
            let block = match news {
                OrderNews::Given(order) => order.block,
                OrderNews::Done(_, id) => {
                    let ordered = self.ordered.entry(id).or_default();
                    ordered.retain(|(who, _)| who != node);
                    continue;
                }
                OrderNews::Void(_) => {
                    for ordered in self.ordered.values_mut() {
                        ordered.retain(|(who, _)| who != node);
                    }
                    continue;
                }
            };
            let Some(holders) = truth.block(block.id) else {
                continue;
            };
            let ordered = self.ordered.entry(block.id).or_default();
            let before = ordered.iter().map(|(node, _)| *node).collect();
            judge(block, *node, holders, &before)?;
            if block.generation >= holders.block.generation {
                ordered.insert((*node, world.life(*node)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_good_replica_must_not_be_deleted() {
        let nodes = |ids: &[u32]| ids.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
        let block = Holders {
            block: Block::new(7, 1002, 10),
            now: nodes(&[1, 2]),
            damaged: nodes(&[3]),
            replication: Some(3),
            ..Holders::default()
        };
        let order = |generation, ordered: &[u32]| {
            let order = Block::new(7, generation, 10);
            judge(order, NodeId(1), &block, &nodes(ordered))
        };
        assert_eq!(order(1002, &[]), Ok(()));
        assert!(
            order(1002, &[2])
                .unwrap_err()
                .contains("none would be left")
        );
        // One of an older generation is not this replica.
        assert_eq!(order(1001, &[2]), Ok(()));
    }
}
