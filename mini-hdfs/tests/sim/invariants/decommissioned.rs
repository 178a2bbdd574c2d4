//! A DataNode that is said to be decommissioned is not needed: every block that it has stands elsewhere too. So it can be
//! switched off and thrown away.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use mini_hdfs::protocol::AdminState;
use node::NodeId;
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::Shared;
use crate::truth::{Holders, Truth};
use crate::wire::NAMENODE;

/// Judges one block, at the moment at which `node` is found to be decommissioned. `out` are all nodes that are not in service.
fn judge(block: &Holders, node: NodeId, out: &BTreeSet<NodeId>) -> Result<(), String> {
    // Those that had it a moment ago: their disk may have failed since.
    let held: BTreeSet<NodeId> = block
        .before
        .iter()
        .flatten()
        .chain(&block.now)
        .copied()
        .collect();
    let elsewhere = held.iter().any(|holder| !out.contains(holder));
    // What a fault has damaged counts until somebody reads it: see `readable`.
    let misled = !block.damaged.is_empty();
    if elsewhere || misled || !block.now.contains(&node) {
        return Ok(());
    }
    let (path, id) = (&block.path, block.block);
    Err(format!(
        "{node} is decommissioned, and {path} has {id} on {held:?} alone, all of them out of service"
    ))
}

pub(crate) struct NotNeeded {
    history: Shared,
    truth: Rc<RefCell<Truth>>,
    /// Those that were decommissioned already, in this life of the NameNode.
    known: (u32, BTreeSet<NodeId>),
}

impl NotNeeded {
    pub(crate) fn new(history: Shared, truth: Rc<RefCell<Truth>>) -> NotNeeded {
        let known = (0, BTreeSet::new());
        NotNeeded {
            history,
            truth,
            known,
        }
    }
}

impl Invariant<Member> for NotNeeded {
    fn name(&self) -> &'static str {
        "a-decommissioned-node-is-not-needed"
    }

    fn sentence(&self) -> &'static str {
        "A DataNode that is decommissioned is not needed: what it has is elsewhere too"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let Some(core) = world.node(NAMENODE).and_then(Member::namenode) else {
            return Ok(());
        };
        let history = self.history.borrow();
        let reports = core.datanode_report(world.now());
        let nodes_that = |holds: fn(AdminState) -> bool| -> BTreeSet<NodeId> {
            let such = reports.iter().filter(|node| holds(node.admin));
            such.filter_map(|node| history.datanodes.get(&node.info.id).copied())
                .collect()
        };
        let out = nodes_that(|admin| admin != AdminState::Normal);
        let done = nodes_that(|admin| admin == AdminState::Decommissioned);
        let life = world.life(NAMENODE);
        if self.known.0 != life {
            self.known = (life, BTreeSet::new());
        }
        let truth = self.truth.borrow();
        for node in done.difference(&self.known.1) {
            truth
                .blocks()
                .try_for_each(|block| judge(block, *node, &out))?;
        }
        self.known.1 = done;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_only_on_a_decommissioned_node_would_be_lost() {
        let nodes = |ids: &[u32]| ids.iter().copied().map(NodeId).collect::<BTreeSet<_>>();
        let judged = |now: &[u32], out: &[u32], damaged: &[u32]| {
            let block = Holders {
                now: nodes(now),
                damaged: nodes(damaged),
                ..Holders::default()
            };
            judge(&block, NodeId(1), &nodes(out))
        };
        assert_eq!(judged(&[1, 2], &[1], &[]), Ok(()));
        assert!(judged(&[1], &[1], &[]).is_err());
        assert!(judged(&[1, 2], &[1, 2], &[]).is_err());
        assert_eq!(judged(&[1], &[1], &[2]), Ok(()));
        assert_eq!(judged(&[2], &[1, 2], &[]), Ok(()));
    }
}
