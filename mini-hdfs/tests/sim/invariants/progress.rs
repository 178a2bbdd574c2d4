//! Once everything is mended, every file is closed, reaches its replication and reads back, and what is of no use is deleted. Damage
//! counts as mended once it is, whether or not anybody has read it: the background scan does.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use mini_hdfs::block::{Block, DatanodeId};
use mini_hdfs::protocol::{AdminState, DatanodeState};
use node::NodeId;
use sim::{Invariant, World};

use super::flushed::faithful;
use crate::cluster::{Member, rack_of};
use crate::history::Shared;
use crate::truth::{Holders, Truth};
use crate::wire::{NAMENODE, node_at};

/// Whether a block has as many good replicas as it should, if there are so many DataNodes, and the NameNode takes none
/// that is damaged for good; `counted` are those that it takes for good. Damaged files that nobody counts may lie about,
/// and what is on the node that stays out of service does not count.
fn judge(
    block: &Holders,
    counted: &[NodeId],
    datanodes: usize,
    stays_out: Option<NodeId>,
) -> Result<(), String> {
    let Some(replication) = block.replication else {
        return Ok(());
    };
    let datanodes = datanodes - usize::from(stays_out.is_some());
    let wanted = usize::from(replication).min(datanodes);
    let good = block.now.iter().filter(|node| Some(**node) != stays_out);
    let (path, id, good) = (&block.path, block.block, good.count());
    if good != wanted {
        return Err(format!("{path}: {id} has {good} good replicas of {wanted}"));
    }
    if let Some(node) = counted.iter().find(|node| block.unnoticed.contains(node)) {
        return Err(format!("{path}: {id} is damaged on {node}, unnoticed"));
    }
    Ok(())
}

/// Whether the replicas of a block stand in two racks, where there are DataNodes in two and it has two.
fn judge_racks(block: &Holders, stays_out: Option<NodeId>, racks: usize) -> Result<(), String> {
    let holders = block.now.iter().filter(|node| Some(**node) != stays_out);
    let places: Vec<String> = holders.map(|node| rack_of(*node)).collect();
    let distinct: BTreeSet<&String> = places.iter().collect();
    if distinct.len() >= racks.min(places.len()).min(2) {
        return Ok(());
    }
    let (path, id) = (&block.path, block.block);
    Err(format!(
        "{path}: all replicas of {id} are in one rack of {racks}"
    ))
}

/// Whether a block that the NameNode does not know any more is off the disks.
fn judge_deleted(block: &Holders) -> Result<(), String> {
    if block.now.is_empty() {
        return Ok(());
    }
    let (id, now) = (block.block, &block.now);
    Err(format!("the deleted block {id} is still on {now:?}"))
}

/// Whether what a node has of a closed block has not missed the rebuilding of its pipeline.
fn judge_generation(block: Block, there: Option<Block>, node: NodeId) -> Result<(), String> {
    match there {
        Some(there) if there.generation != block.generation => {
            Err(format!("{node} still has {there} of {block}"))
        }
        _ => Ok(()),
    }
}

/// Whether a block that is still being written can be read on one of the nodes that have what was flushed of it.
fn judge_open(
    path: &str,
    block: Block,
    faithful: &[DatanodeId],
    located: &[DatanodeId],
) -> Result<(), String> {
    if faithful.is_empty() || faithful.iter().any(|node| located.contains(node)) {
        return Ok(());
    }
    Err(format!(
        "{path}: {block} was flushed to {faithful:?}, and readers are sent to {located:?}"
    ))
}

pub(crate) struct Progress {
    pub(crate) history: Shared,
    pub(crate) truth: Rc<RefCell<Truth>>,
    pub(crate) clients: Vec<NodeId>,
    /// DataNodes that are there in the end.
    pub(crate) datanodes: usize,
    /// One of them that is decommissioned then.
    pub(crate) stays_out: Option<NodeId>,
    /// The faults are few: no client may have given up a file.
    pub(crate) every_write_succeeds: bool,
}

impl Invariant<Member> for Progress {
    fn name(&self) -> &'static str {
        "progress-after-healing"
    }

    fn sentence(&self) -> &'static str {
        "Once everything is mended, every file is closed, has its replicas on enough racks, and reads back"
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
        if let (Some(path), true) = (history.open.keys().next(), self.every_write_succeeds) {
            return Err(format!("the write of {path} was given up"));
        }
        // With a disk all of a last block may be gone; then nobody can say how long it was.
        if core.namespace().open_files() > 0 && !history.damaged {
            let open = core.namespace().open_files();
            return Err(format!("{open} files are still open"));
        }
        let truth = self.truth.borrow();
        let reports = core.datanode_report(world.now());
        let nodes: BTreeMap<DatanodeId, NodeId> = reports
            .iter()
            .map(|report| (report.info.id, node_at(&report.info.address)))
            .collect();
        let in_service = reports
            .iter()
            .filter(|node| node.state == DatanodeState::Live && node.admin == AdminState::Normal);
        let racks: BTreeSet<&String> = in_service.map(|node| &node.info.rack).collect();
        truth
            .blocks()
            .try_for_each(|b| judge_racks(b, self.stays_out, racks.len()))?;
        if let Some(out) = self.stays_out {
            let name = crate::operator::host(out).name;
            let node = reports.iter().find(|node| node.info.hostname == name);
            let state = node.map(|node| node.admin);
            if state != Some(AdminState::Decommissioned) {
                let leaving = node.map(|node| node.leaving);
                return Err(format!(
                    "{name} shall be decommissioned, and is {state:?}: {leaving:?}"
                ));
            }
        }
        for block in truth.blocks() {
            let known = core.blocks().blocks().get(block.block.id);
            let counted = known.iter().flat_map(|info| &info.replicas);
            let counted: Vec<NodeId> = counted.filter_map(|id| nodes.get(id).copied()).collect();
            judge(block, &counted, self.datanodes, self.stays_out)?;
            for (node, member) in world.nodes() {
                let datanode = member.datanode();
                let there = datanode.and_then(|node| node.replica(block.block.id));
                judge_generation(block.block, there.map(|replica| replica.block), node)?;
            }
        }
        for (path, promise) in &history.promised {
            let id = promise.block.id;
            let Some(info) = core.blocks().blocks().get(id) else {
                continue;
            };
            if promise.block.len > 0 && !history.is_recovered(path) {
                let faithful = faithful(promise, &history, world);
                let faithful: Vec<DatanodeId> = faithful.into_iter().map(|(id, _)| id).collect();
                let good = info.pipeline().iter().chain(&info.replicas).copied();
                let good = good.filter(|node| !info.corrupt().contains_key(node));
                judge_open(path, promise.block, &faithful, &good.collect::<Vec<_>>())?;
            }
        }
        let known = |b: &&Holders| core.blocks().blocks().get(b.block.id).is_some();
        let mut deleted = truth.former_blocks().filter(|b| !known(b));
        deleted.try_for_each(judge_deleted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_that_missed_a_rebuilding_must_go_and_flushed_ones_be_found() {
        let block = Block::new(7, 1002, 3);
        let judge = |there| judge_generation(block, there, NodeId(1));
        assert_eq!(judge(None), Ok(()));
        assert_eq!(judge(Some(block)), Ok(()));
        assert!(judge(Some(Block::new(7, 1001, 3))).is_err());
        let [one, two] = [DatanodeId(1), DatanodeId(2)];
        assert_eq!(judge_open("/f", block, &[], &[]), Ok(()));
        assert_eq!(judge_open("/f", block, &[one, two], &[two]), Ok(()));
        assert!(judge_open("/f", block, &[one], &[two]).is_err());
    }

    #[test]
    fn too_few_or_too_many_replicas_are_no_progress() {
        let block = |holders: &[u32]| Holders {
            now: holders.iter().copied().map(NodeId).collect(),
            replication: Some(3),
            ..Holders::default()
        };
        let judge_all = |block: &Holders, datanodes, stays_out| {
            let now: Vec<NodeId> = block.now.iter().copied().collect();
            judge(block, &now, datanodes, stays_out)
        };
        assert!(judge_all(&block(&[1, 2]), 4, None).is_err());
        assert_eq!(judge_all(&block(&[1, 2, 3]), 4, None), Ok(()));
        assert_eq!(judge_all(&block(&[1, 2]), 2, None), Ok(()));
        assert!(judge_all(&block(&[1, 2, 3, 4]), 4, None).is_err());
        let damaged = Holders {
            unnoticed: [NodeId(4)].into(),
            ..block(&[1, 2, 3])
        };
        assert_eq!(judge_all(&damaged, 4, None), Ok(()), "nobody counts it");
        assert!(judge(&damaged, &[1, 2, 4].map(NodeId), 4, None).is_err());
        // What is on a node that is out does not count.
        assert!(judge_all(&block(&[1, 2, 3]), 4, Some(NodeId(1))).is_err());
        assert_eq!(judge_all(&block(&[1, 2, 3, 4]), 4, Some(NodeId(1))), Ok(()));
        assert!(judge_racks(&block(&[1, 3]), None, 2).is_err());
        assert_eq!(judge_racks(&block(&[1, 3]), None, 1), Ok(()));
        assert_eq!(judge_racks(&block(&[1, 2, 3]), None, 2), Ok(()));
        assert!(judge_racks(&block(&[1, 2, 3]), Some(NodeId(2)), 2).is_err());
        assert!(judge_deleted(&block(&[1])).is_err());
        assert_eq!(judge_deleted(&block(&[])), Ok(()));
    }
}
