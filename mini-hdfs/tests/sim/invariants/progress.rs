//! Once everything is mended, every closed file reaches its replication and reads back.

use std::cell::RefCell;
use std::rc::Rc;

use node::NodeId;
use sim::{Invariant, World};

use crate::cluster::Member;
use crate::history::Shared;
use crate::truth::{Holders, Truth, is_datanode};
use crate::wire::NAMENODE;

/// Whether a block has as many good replicas as it can have on `datanodes` DataNodes. Damaged ones count until somebody
/// has read them: nobody can know.
fn judge(block: &Holders, datanodes: usize) -> Result<(), String> {
    let wanted = usize::from(block.replication.unwrap_or(1)).min(datanodes);
    let has = block.now.len() + block.unnoticed.len();
    if has < wanted {
        let (path, id) = (&block.path, block.block);
        return Err(format!("{path}: {id} has {has} good replicas of {wanted}"));
    }
    Ok(())
}

pub(crate) struct Progress {
    history: Shared,
    truth: Rc<RefCell<Truth>>,
    clients: Vec<NodeId>,
}

impl Progress {
    pub(crate) fn new(
        history: Shared,
        truth: Rc<RefCell<Truth>>,
        clients: Vec<NodeId>,
    ) -> Progress {
        Progress {
            history,
            truth,
            clients,
        }
    }
}

impl Invariant<Member> for Progress {
    fn name(&self) -> &'static str {
        "progress-after-healing"
    }

    fn check(&mut self, world: &World<Member>) -> Result<(), String> {
        let Some(core) = world.node(NAMENODE).and_then(Member::namenode) else {
            return Err("the NameNode has not loaded".into());
        };
        if let Some(status) = core.safe_mode() {
            return Err(format!("safe mode is on: {status}"));
        }
        let history = self.history.borrow();
        if let Some(client) = self.clients.iter().find(|c| !history.finished.contains(c)) {
            return Err(format!("client {client} cannot read back all its files"));
        }
        let datanodes = world.ids().filter(|id| is_datanode(world, *id)).count();
        self.truth
            .borrow()
            .blocks()
            .try_for_each(|b| judge(b, datanodes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_replicas_are_no_progress() {
        let block = |holders: &[u32]| Holders {
            now: holders.iter().copied().map(NodeId).collect(),
            replication: Some(3),
            ..Holders::default()
        };
        assert!(judge(&block(&[1, 2]), 4).is_err());
        assert_eq!(judge(&block(&[1, 2, 3]), 4), Ok(()));
        assert_eq!(judge(&block(&[1, 2]), 2), Ok(()));
    }
}
