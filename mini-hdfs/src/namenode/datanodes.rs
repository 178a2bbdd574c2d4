//! The DataNodes that the NameNode knows, and when each was last heard (`DatanodeManager`,
//! `HeartbeatManager`).
//!
//! A NameNode cannot tell a dead DataNode from a slow network; all that it has is silence. So silence has
//! two limits: after the short one a node is *stale* and avoided where there is a choice; after the long one
//! it is *dead*, its replicas do not count any more and are made anew elsewhere. A dead node that speaks
//! again must register and report its blocks as if it were new.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::{Rng, Time};

use crate::block::{DatanodeId, DatanodeInfo};
use crate::error::FsError;
use crate::namenode::placement::Candidate;
use crate::namenode::topology::Place;
use crate::protocol::{AdminState, DatanodeState, Heartbeat, HeartbeatDetails, RegistrationId};

/// What a DataNode is taken for, `now`, when it was last heard at `last_contact`: dead when that is longer
/// ago than `dead_after`, else stale when it is longer ago than `stale_after`, else live.
pub fn datanode_state(
    last_contact: Time,
    now: Time,
    stale_after: Duration,
    dead_after: Duration,
) -> DatanodeState {
    // EXERCISE(hdfs/dead-nodes): how long has it been silent, and which limit is that beyond?
    let silence = now.since(last_contact);
    if silence > dead_after {
        DatanodeState::Dead
    } else if silence > stale_after {
        DatanodeState::Stale
    } else {
        DatanodeState::Live
    }
}

/// What the NameNode knows of one DataNode (`DatanodeDescriptor`).
#[derive(Clone, Debug)]
pub struct Datanode {
    /// Who and where.
    pub info: DatanodeInfo,
    /// Its current registration.
    pub registration: RegistrationId,
    /// The figures of its last heartbeat; all 0 between registration and the first.
    pub heartbeat: Heartbeat,
    /// What that said of volumes.
    pub details: HeartbeatDetails,
    /// When it last registered or sent a heartbeat.
    pub last_contact: Time,
    /// Not declared dead.
    pub alive: bool,
    /// It has sent a full block report since it registered.
    pub reported: bool,
    /// Whether it is in service.
    pub admin: AdminState,
}

impl Datanode {
    /// Bytes that replicas of this size may use, on all volumes.
    fn room(&self, block_size: u64) -> u64 {
        let storages = &self.details.storages;
        if storages.is_empty() {
            return self.heartbeat.remaining;
        }
        let rooms = storages.iter().map(|storage| storage.remaining);
        rooms.filter(|room| *room >= block_size).sum()
    }
}

/// The outcome of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// The DataNode's registration from now on.
    pub registration: RegistrationId,
    /// The DataNode that had this address before, under another id. It is forgotten: its storage is gone.
    pub replaced: Option<DatanodeId>,
}

/// All DataNodes.
#[derive(Clone, Debug)]
pub struct DatanodeManager {
    nodes: BTreeMap<DatanodeId, Datanode>,
    by_address: BTreeMap<String, DatanodeId>,
    by_host: BTreeMap<String, BTreeSet<DatanodeId>>,
    /// How many DataNodes in service that are not dead each rack has.
    racks: BTreeMap<String, usize>,
    alive: usize,
    stale_after: Duration,
    dead_after: Duration,
}

impl DatanodeManager {
    /// Knows no DataNode yet. See [`datanode_state`] for the two intervals.
    pub fn new(stale_after: Duration, dead_after: Duration) -> DatanodeManager {
        DatanodeManager {
            nodes: BTreeMap::new(),
            by_address: BTreeMap::new(),
            by_host: BTreeMap::new(),
            racks: BTreeMap::new(),
            alive: 0,
            stale_after,
            dead_after,
        }
    }

    /// A DataNode introduces itself: for the first time, after a restart of its own or of the NameNode, or after it was
    /// declared dead. It gets a new registration, and what it said under an earlier one is void; it owes a full block
    /// report. It may have a new address or rack.
    pub fn register(&mut self, info: DatanodeInfo, now: Time, rng: &mut Rng) -> Registered {
        // Whether it is in service is for its operator to say, not for itself.
        let admin = self.get(info.id).map(|node| node.admin).unwrap_or_default();
        self.forget(info.id);
        let at_address = self.by_address.get(&info.address).copied();
        if let Some(other) = at_address {
            self.forget(other);
        }
        let id = info.id;
        let registration = RegistrationId(rng.next_u64());
        self.by_address.insert(info.address.clone(), id);
        let on_host = self.by_host.entry(info.hostname.clone()).or_default();
        on_host.insert(id);
        self.nodes.insert(
            id,
            Datanode {
                info,
                registration,
                heartbeat: Heartbeat {
                    id,
                    registration,
                    ..Heartbeat::default()
                },
                details: HeartbeatDetails::default(),
                last_contact: now,
                alive: false,
                reported: false,
                admin,
            },
        );
        self.set_alive(id, true);
        Registered {
            registration,
            replaced: at_address,
        }
    }

    fn forget(&mut self, id: DatanodeId) {
        self.set_alive(id, false);
        if let Some(node) = self.nodes.remove(&id) {
            self.by_address.remove(&node.info.address);
            if let Some(on_host) = self.by_host.get_mut(&node.info.hostname) {
                on_host.remove(&id);
            }
        }
    }

    /// Declares a DataNode dead, or alive again; `alive_count` and `rack_count` follow.
    fn set_alive(&mut self, id: DatanodeId, alive: bool) {
        let Some(node) = self.nodes.get_mut(&id).filter(|node| node.alive != alive) else {
            return;
        };
        node.alive = alive;
        if alive {
            self.alive += 1;
        } else {
            self.alive -= 1;
        }
        if node.admin == AdminState::Normal {
            let rack = node.info.rack.clone();
            self.count_in_rack(rack, alive);
        }
    }

    /// Takes a DataNode out of service, or back.
    pub fn set_admin(&mut self, id: DatanodeId, admin: AdminState) {
        let Some(node) = self.nodes.get_mut(&id) else {
            return;
        };
        let before = std::mem::replace(&mut node.admin, admin);
        let (was_in_service, is) = (before == AdminState::Normal, admin == AdminState::Normal);
        if node.alive && was_in_service != is {
            let rack = node.info.rack.clone();
            self.count_in_rack(rack, is);
        }
    }

    fn count_in_rack(&mut self, rack: String, more: bool) {
        let in_rack = self.racks.entry(rack).or_default();
        *in_rack = if more { *in_rack + 1 } else { *in_rack - 1 };
        if !more {
            self.racks.retain(|_, nodes| *nodes > 0);
        }
    }

    /// Takes note of a heartbeat: of its figures, and that the node was heard `now`. False when the node must register first: it
    /// is unknown, has been declared dead, or speaks under another registration than its current one; then
    /// nothing is noted. A node that was silent for too long but has not been declared dead yet goes on as if nothing had been.
    pub fn heartbeat(&mut self, heartbeat: &Heartbeat, now: Time) -> bool {
        // EXERCISE(hdfs/dead-nodes): note what it says and when, if it may speak at all.
        if self.check(heartbeat.id, heartbeat.registration).is_err() {
            return false;
        }
        if let Some(node) = self.nodes.get_mut(&heartbeat.id) {
            node.heartbeat = *heartbeat;
            node.last_contact = now;
        }
        true
    }

    /// Takes note of what a heartbeat says beside its figures. False when the node must register first.
    pub fn heartbeat_details(
        &mut self,
        id: DatanodeId,
        registration: RegistrationId,
        details: HeartbeatDetails,
    ) -> bool {
        let may_speak = self.check(id, registration).is_ok();
        if let Some(node) = self.nodes.get_mut(&id).filter(|_| may_speak) {
            node.details = details;
        }
        may_speak
    }

    /// Checks that a DataNode may speak: it has not been declared dead (`alive`), and `registration` is its current one.
    ///
    /// # Errors
    /// `UnregisteredNode` with its id when it is unknown, has been declared dead, or speaks under another registration.
    pub fn check(&self, id: DatanodeId, registration: RegistrationId) -> Result<(), FsError> {
        // EXERCISE(hdfs/dead-nodes): known, not declared dead, and in its current registration.
        let current = |node: &Datanode| node.alive && node.registration == registration;
        if self.nodes.get(&id).is_some_and(current) {
            return Ok(());
        }
        Err(FsError::UnregisteredNode(id.to_string()))
    }

    /// Declares dead those that are so by [`datanode_state`], and returns them; each is returned once, until it has
    /// registered again. See `state_of` and `set_alive`.
    pub fn find_dead(&mut self, now: Time) -> Vec<DatanodeId> {
        // EXERCISE(hdfs/dead-nodes): declare dead whoever has been silent too long, once.
        let silent =
            |node: &&Datanode| node.alive && self.state_of(node, now) == DatanodeState::Dead;
        let dead: Vec<DatanodeId> = self
            .iter()
            .filter(silent)
            .map(|node| node.info.id)
            .collect();
        for id in &dead {
            self.set_alive(*id, false);
        }
        dead
    }

    /// Declares one dead, however long ago it was heard.
    pub fn declare_dead(&mut self, id: DatanodeId) {
        self.set_alive(id, false);
    }

    /// Notes that a DataNode has sent a full block report; whether it is the first since it registered.
    pub fn set_reported(&mut self, id: DatanodeId) -> bool {
        self.nodes
            .get_mut(&id)
            .is_some_and(|node| !std::mem::replace(&mut node.reported, true))
    }

    /// One DataNode.
    pub fn get(&self, id: DatanodeId) -> Option<&Datanode> {
        self.nodes.get(&id)
    }

    /// One DataNode, unless it has been declared dead.
    pub fn alive(&self, id: DatanodeId) -> Option<&Datanode> {
        self.get(id).filter(|node| node.alive)
    }

    /// All DataNodes, by id.
    pub fn iter(&self) -> impl Iterator<Item = &Datanode> {
        self.nodes.values()
    }

    /// What a DataNode is taken for now.
    pub fn state_of(&self, node: &Datanode, now: Time) -> DatanodeState {
        if !node.alive {
            return DatanodeState::Dead;
        }
        datanode_state(node.last_contact, now, self.stale_after, self.dead_after)
    }

    /// How many have not been declared dead.
    pub fn alive_count(&self) -> usize {
        self.alive
    }

    /// How many racks those of them stand in that are in service.
    pub fn rack_count(&self) -> usize {
        self.racks.len()
    }

    /// Where a machine stands, if one of the DataNodes runs on it.
    pub fn place_of<'a>(&'a self, hostname: &str) -> Option<Place<'a>> {
        let id = self.by_host.get(hostname)?.first()?;
        Some(Place::of(&self.nodes.get(id)?.info))
    }

    /// All DataNodes in service as placement sees them; `coming` says how many bytes are on their way to each. A replica lies
    /// on one volume: room on those that have less than `block_size` does not count.
    pub fn candidates(
        &self,
        now: Time,
        block_size: u64,
        coming: impl Fn(DatanodeId) -> u64,
    ) -> Vec<Candidate<'_>> {
        self.iter()
            .filter(|node| node.admin == AdminState::Normal)
            .map(|node| Candidate {
                id: node.info.id,
                hostname: &node.info.hostname,
                rack: &node.info.rack,
                state: self.state_of(node, now),
                remaining: node.room(block_size).saturating_sub(coming(node.info.id)),
                xceivers: node.heartbeat.xceivers,
            })
            .collect()
    }
}
