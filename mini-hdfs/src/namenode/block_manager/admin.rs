//! DataNodes out of service and back (`DatanodeAdminManager`, `DatanodeAdminDefaultMonitor`).
//!
//! What an operator wants stands in [`Hosts`]; what has become of it, in each DataNode's [`AdminState`]. A change of
//! state makes the replicas there count, or not, one after the other, a slice in each tick: this is a *walk*. When it is over,
//! *passes* look whether the DataNode is still needed: one over all of its blocks, then shorter ones over those that were found
//! to be waiting, and when none is left, one over all again. Only when that finds nothing is the DataNode done.

use std::collections::BTreeSet;

use node::Time;

use super::BlockManager;
use super::redundancy::RESCAN_LIMIT;
use crate::block::{BlockId, DatanodeId};
use crate::namenode::blocks::{Away, BlockState};
use crate::namenode::decommission::{LeavingBlock, LeavingNode, Limits, is_sufficient, may_leave};
use crate::namenode::hosts::{Hosts, Wish};
use crate::protocol::{AdminState, LeavingStatus};

/// How far it has been found out whether a DataNode may leave.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaving {
    /// The pass under way, and the block to go on from.
    pass: Option<(Pass, BlockId)>,
    /// Blocks that cannot do without it, when they were last looked at.
    waiting: BTreeSet<BlockId>,
    /// A pass over all blocks has just ended.
    scanned: bool,
    /// What the pass under way has found so far, and what the last one did.
    counting: LeavingStatus,
    found: LeavingStatus,
    /// No pass begins before.
    due: Time,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pass {
    All,
    Waiting,
}

/// Why all blocks of a DataNode are looked at afresh. There may be millions, so it is done a slice at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// Its replicas count from now on, or do not.
    Settle,
    /// It is dead or was replaced, and what it held is gone (`removeBlocksAssociatedTo`).
    Drop,
}

/// Where every walk begins.
const FIRST: BlockId = BlockId(0);
const LAST: BlockId = BlockId(u64::MAX);

impl BlockManager {
    /// The operator's files say this from now on (`refreshNodes`). Who is not admitted any more is dead at once, and is
    /// told why when he tries to register.
    pub fn refresh_nodes(&mut self, hosts: Hosts, now: Time) {
        self.hosts = hosts;
        let nodes = self.datanodes.iter().map(|node| &node.info);
        let nodes: Vec<(DatanodeId, bool)> = nodes
            .map(|info| (info.id, self.hosts.includes(info)))
            .collect();
        for (id, included) in nodes {
            if included {
                self.obey_operator(id, now);
            } else {
                self.datanodes.declare_dead(id);
                self.lose_datanode(id);
            }
        }
        self.note_racks();
    }

    /// What the operator's files said last.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Whether replicas on a DataNode count.
    pub(super) fn in_service(&self, id: DatanodeId) -> bool {
        let node = self.datanodes.get(id);
        node.is_some_and(|node| node.admin == AdminState::Normal)
    }

    /// What a DataNode still waits for.
    pub(super) fn leaving_status(&self, id: DatanodeId) -> LeavingStatus {
        self.leaving.get(&id).map(|l| l.found).unwrap_or_default()
    }

    /// Ends the maintenance of those for which it has expired.
    pub(super) fn obey_operator_in_all(&mut self, now: Time) {
        let away = self.datanodes.iter();
        let away = away.filter(|node| node.admin != AdminState::Normal);
        let away: Vec<DatanodeId> = away.map(|node| node.info.id).collect();
        for id in away {
            self.obey_operator(id, now);
        }
    }

    /// Brings a DataNode on its way to the state that the operator wants.
    pub(super) fn obey_operator(&mut self, id: DatanodeId, now: Time) {
        use AdminState::{
            DecommissionInProgress, Decommissioned, EnteringMaintenance, InMaintenance, Normal,
        };
        let Some(node) = self.datanodes.get(id) else {
            return;
        };
        let (was, alive) = (node.admin, node.alive);
        let (admin, away) = match (self.hosts.wish(&node.info, now.as_millis()), was) {
            (None, Normal)
            | (Some(Wish::Decommission), DecommissionInProgress | Decommissioned)
            | (Some(Wish::Maintenance { .. }), EnteringMaintenance | InMaintenance) => return,
            (None, _) => (Normal, None),
            (Some(Wish::Decommission), _) => (DecommissionInProgress, Some(Away::Decommission)),
            (Some(Wish::Maintenance { .. }), _) => {
                let min = self.config.maintenance_replication_min;
                (EnteringMaintenance, Some(Away::Maintenance { min }))
            }
        };
        self.datanodes.set_admin(id, admin);
        self.blocks.set_away(id, away);
        if admin == Normal {
            self.leaving.remove(&id);
        } else {
            self.leaving.insert(id, Leaving::default());
        }
        if was == InMaintenance && !alive {
            // Nobody waits for it any more.
            self.lose_datanode(id);
        }
        self.walk(id);
    }

    /// A DataNode is dead. What it held does not count any more; but one in maintenance was expected to be away, and
    /// will bring its replicas back.
    pub(super) fn bury(&mut self, id: DatanodeId) {
        let node = self.datanodes.get(id);
        if node.is_some_and(|node| node.admin == AdminState::InMaintenance) {
            self.invalidates.remove_datanode(id);
            self.void_copies(id);
        } else {
            self.lose_datanode(id);
        }
    }

    /// All blocks of a DataNode shall be looked at afresh, by and by.
    pub(super) fn walk(&mut self, id: DatanodeId) {
        // Where nothing will be left, nothing is to be settled.
        if !self.is_dropping(id) {
            self.walks.insert(id, (Walk::Settle, FIRST));
        }
    }

    /// All that a DataNode held shall be dropped, by and by.
    pub(super) fn drop_blocks(&mut self, id: DatanodeId) {
        self.walks.insert(id, (Walk::Drop, FIRST));
    }

    /// Its process is a new one, which registers before all was dropped: the rest is dropped at once, and its report begins with
    /// nothing. (One that lives on is told to register only afterwards: see `heartbeat`.)
    pub(super) fn end_dropping(&mut self, id: DatanodeId) {
        if self.is_dropping(id) {
            self.walks.remove(&id);
            let held: Vec<BlockId> = self.blocks.blocks_of(id).collect();
            for block in held {
                self.blocks.remove_replica(block, id);
                self.refresh(block);
            }
        }
    }

    pub(super) fn is_dropping(&self, id: DatanodeId) -> bool {
        self.walks
            .get(&id)
            .is_some_and(|(walk, _)| *walk == Walk::Drop)
    }

    /// Whether replicas still count that are known to be gone.
    pub(super) fn is_dropping_any(&self) -> bool {
        self.walks.values().any(|(walk, _)| *walk == Walk::Drop)
    }

    /// Whether there is more to walk.
    pub(super) fn go_on_walking(&mut self) -> bool {
        let mut left = RESCAN_LIMIT;
        while left > 0
            && let Some((id, (walk, from))) = self.walks.pop_first()
        {
            let held = self.blocks.blocks_in(id, &(from..=LAST));
            let held: Vec<BlockId> = held.take(left).collect();
            for block in &held {
                match walk {
                    Walk::Settle => self.blocks.settle(*block, id),
                    Walk::Drop => {
                        self.blocks.remove_replica(*block, id);
                    }
                }
                self.refresh(*block);
            }
            if held.len() == left
                && let Some(last) = held.last()
            {
                let next = BlockId(last.0.saturating_add(1));
                self.walks.insert(id, (walk, next));
            }
            left -= held.len();
        }
        !self.walks.is_empty()
    }

    /// Looks whether those who are about to leave may go. Says whether there is more to do at once.
    pub(super) fn look_at_leaving(&mut self, now: Time) -> bool {
        // While walks are under way, replicas count that soon will not.
        if !self.walks.is_empty() {
            return false;
        }
        let mut left = RESCAN_LIMIT;
        let all: Vec<DatanodeId> = self.leaving.keys().copied().collect();
        for id in all {
            if let Some(mut leaving) = self.leaving.remove(&id) {
                let done = self.look(id, &mut leaving, &mut left, now);
                if !done {
                    self.leaving.insert(id, leaving);
                }
            }
        }
        left == 0
    }

    /// Goes on with the passes over one DataNode's blocks, `left` of them at most. Whether it has left the service.
    fn look(&mut self, id: DatanodeId, leaving: &mut Leaving, left: &mut usize, now: Time) -> bool {
        // What an earlier pass has found says nothing of now: the DataNode may have come back with all that it had.
        leaving.scanned = false;
        if leaving.pass.is_none() && now >= leaving.due {
            let pass = if leaving.waiting.is_empty() {
                Pass::All
            } else {
                Pass::Waiting
            };
            leaving.pass = Some((pass, FIRST));
        }
        while *left > 0
            && let Some((pass, from)) = leaving.pass
        {
            let part = from..=LAST;
            let blocks: Vec<BlockId> = match pass {
                Pass::All => self.blocks.blocks_in(id, &part).take(*left).collect(),
                Pass::Waiting => leaving.waiting.range(part).take(*left).copied().collect(),
            };
            for block in &blocks {
                self.look_at_block(*block, id, leaving);
            }
            let is_end = blocks.len() < *left;
            *left -= blocks.len();
            leaving.pass = match blocks.last() {
                Some(last) if !is_end => Some((pass, BlockId(last.0.saturating_add(1)))),
                _ => self.end_pass(id, leaving, pass, now),
            };
        }
        leaving.pass.is_none() && self.leave_if_done(id, leaving)
    }

    /// Returns the pass that begins next without a pause.
    fn end_pass(
        &self,
        id: DatanodeId,
        leaving: &mut Leaving,
        pass: Pass,
        now: Time,
    ) -> Option<(Pass, BlockId)> {
        if pass == Pass::All {
            let written: Vec<BlockId> = self.blocks.written_by(id).collect();
            for block in written {
                self.look_at_block(block, id, leaving);
            }
        }
        leaving.scanned = pass == Pass::All;
        leaving.found = std::mem::take(&mut leaving.counting);
        leaving.due = now + self.config.decommission_interval;
        (pass == Pass::Waiting && leaving.waiting.is_empty()).then_some((Pass::All, FIRST))
    }

    fn look_at_block(&self, id: BlockId, datanode: DatanodeId, leaving: &mut Leaving) {
        let Some((block, counts)) = self.leaving_block(id, datanode) else {
            leaving.waiting.remove(&id);
            return;
        };
        let limits = Limits {
            min: usize::from(self.config.replication_min),
            default: usize::from(self.config.replication),
        };
        if is_sufficient(&block, &limits) {
            leaving.waiting.remove(&id);
            return;
        }
        leaving.waiting.insert(id);
        leaving.counting.under_replicated += 1;
        leaving.counting.only_here += u64::from(counts);
        leaving.counting.in_open_files += u64::from(block.open);
    }

    /// A block on a DataNode as the decision sees it, and whether nobody else has it. None if it has no part in the block any
    /// more.
    fn leaving_block(&self, id: BlockId, datanode: DatanodeId) -> Option<(LeavingBlock, bool)> {
        let info = self.blocks.get(id)?;
        let open = info.state == BlockState::UnderConstruction;
        let good = info.replicas.binary_search(&datanode).is_ok();
        let writes = open && info.pipeline().contains(&datanode);
        if !good && !writes {
            return None;
        }
        let stays =
            |id: &&DatanodeId| self.in_service(**id) && self.datanodes.alive(**id).is_some();
        let live = if open {
            info.pipeline().iter().filter(stays).count()
        } else {
            info.live_count()
        };
        let block = LeavingBlock {
            live,
            expected: info.expected(),
            open,
        };
        Some((block, live == 0))
    }

    fn leave_if_done(&mut self, id: DatanodeId, leaving: &Leaving) -> bool {
        let Some(node) = self.datanodes.get(id) else {
            return true;
        };
        let endangered = if self.judging && self.rescan.is_none() {
            (self.needed.len() + self.pending.len()) as u64
        } else {
            u64::MAX
        };
        let state = LeavingNode {
            alive: node.alive,
            reported: node.reported,
            scanned: leaving.scanned,
            waiting: leaving.waiting.len(),
            endangered,
        };
        if !may_leave(&state) {
            return false;
        }
        let left = match node.admin {
            AdminState::DecommissionInProgress => AdminState::Decommissioned,
            AdminState::EnteringMaintenance => AdminState::InMaintenance,
            other => other,
        };
        self.datanodes.set_admin(id, left);
        true
    }
}
