//! A replica that is good goes only while as many others as its file wants are there, in as many racks: however replicas are moved
//! from one DataNode to another meanwhile.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use mini_hdfs::block::{BlockId, DatanodeId};
use mini_hdfs::namenode::NameNode;
use node::NodeId;
use sim::{Invariant, World};

use crate::cluster::{Member, rack_of};
use crate::history::Shared;
use crate::truth::{Holders, Truth};

/// The NameNode told a DataNode to delete a good replica, and this is what it believed at that moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) block: BlockId,
    /// Whose replica goes.
    pub(crate) from: DatanodeId,
    /// Who has others that count.
    pub(crate) stay: Vec<DatanodeId>,
    /// How many of these there should be.
    pub(crate) wanted: usize,
}

impl Deletion {
    /// None where the replica is not good: that nothing hangs on such a one, `last_replica` judges.
    pub(crate) fn of(block: BlockId, from: DatanodeId, core: &NameNode) -> Option<Deletion> {
        let info = core.blocks().blocks().get(block)?;
        let good = info.replicas.contains(&from);
        good.then(|| Deletion {
            block,
            from,
            stay: info.live().filter(|id| *id != from).collect(),
            wanted: info.expected(),
        })
    }
}

/// `from` and `stay` are the processes of these DataNodes.
fn judge(
    deletion: &Deletion,
    from: NodeId,
    stay: &[NodeId],
    block: &Holders,
) -> Result<(), String> {
    let refuse = |why: String| {
        let (path, id) = (&block.path, block.block);
        Err(format!("{from} is told to delete {id} of {path}: {why}"))
    };
    if stay.len() < deletion.wanted.max(1) {
        let wanted = deletion.wanted;
        return refuse(format!("only {stay:?} stay, and {wanted} should"));
    }
    let held = |node: &&NodeId| {
        let before = block.before.iter().any(|before| before.contains(node));
        // What a fault has damaged counts until somebody reads it: see `readable`.
        before || block.now.contains(node) || block.damaged.contains(node)
    };
    if let Some(node) = stay.iter().find(|node| !held(node)) {
        return refuse(format!("{node} counts, and has none"));
    }
    let racks = |nodes: &mut dyn Iterator<Item = &NodeId>| {
        let racks: BTreeSet<String> = nodes.map(|node| rack_of(*node)).collect();
        racks.len()
    };
    if deletion.wanted > 1 && racks(&mut stay.iter()) < racks(&mut stay.iter().chain([&from])) {
        return refuse(format!("{stay:?} are all in one rack"));
    }
    Ok(())
}

/// See the module.
pub(crate) struct EnoughStay {
    history: Shared,
    truth: Rc<RefCell<Truth>>,
}

impl EnoughStay {
    pub(crate) fn new(history: Shared, truth: Rc<RefCell<Truth>>) -> EnoughStay {
        EnoughStay { history, truth }
    }
}

impl Invariant<Member> for EnoughStay {
    fn name(&self) -> &'static str {
        "enough-replicas-stay"
    }

    fn sentence(&self) -> &'static str {
        "A good replica goes only while enough others stay, on enough racks"
    }

    fn check(&mut self, _world: &World<Member>) -> Result<(), String> {
        let truth = self.truth.borrow();
        let mut history = self.history.borrow_mut();
        for deletion in std::mem::take(&mut history.deletions) {
            let node = |id: &DatanodeId| history.datanodes.get(id).copied();
            let (Some(from), Some(block)) = (node(&deletion.from), truth.block(deletion.block))
            else {
                continue;
            };
            let stay: Vec<NodeId> = deletion.stay.iter().filter_map(node).collect();
            judge(&deletion, from, &stay, block)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_others_must_be_there_and_in_two_racks() {
        let nodes = |ids: &[u32]| ids.iter().copied().map(NodeId).collect::<Vec<_>>();
        let block = Holders {
            now: nodes(&[1, 2, 3, 4]).into_iter().collect(),
            damaged: [NodeId(5)].into(),
            ..Holders::default()
        };
        let judged = |stay: &[u32], wanted| {
            let deletion = Deletion {
                block: BlockId(7),
                from: DatanodeId(1),
                stay: Vec::new(),
                wanted,
            };
            judge(&deletion, NodeId(1), &nodes(stay), &block)
        };
        assert_eq!(judged(&[2, 3], 2), Ok(()));
        assert_eq!(judged(&[2], 1), Ok(()));
        assert_eq!(judged(&[2, 5], 2), Ok(()), "nobody knows of the damage");
        assert!(judged(&[2], 2).unwrap_err().contains("only"));
        assert!(judged(&[], 0).unwrap_err().contains("only"));
        assert!(judged(&[2, 3, 6], 2).unwrap_err().contains("has none"));
        // Node 1 stands in the other rack.
        assert!(judged(&[2, 4], 2).unwrap_err().contains("rack"));
        assert_eq!(judged(&[2, 4], 1), Ok(()));
    }
}
