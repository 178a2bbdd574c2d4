//! What the members agree on: the store, and the list of members. And who waits for what: a member that proposes a command
//! answers its client when it applies the command itself, as etcd does. So the client finds there what it has written, and an
//! answer that got lost between two members is no loss.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use super::errors::EtcdError;
use super::leases::Leases;
use super::members::{Change, Members};
use super::watchers::Watchers;
use crate::state_machine::StateMachine;
use crate::store::{self, Store};

/// What stands in the log.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Command {
    /// Of the request for which it is: no other has it.
    pub id: u64,
    /// What is to be done.
    pub request: Request,
}

/// What is to be done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    /// With the store.
    Store(store::Command),
    /// With the list of members.
    Members(Change),
}

/// What came of it.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// In the store.
    Store(store::Response),
    /// In the list of members: the list as it is then.
    Members(Result<Members, EtcdError>),
}

/// Why a command is not on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Untaken {
    /// Whom it was proposed to does not lead, or nobody does: it can be proposed again.
    NotLeader,
    /// The member has stopped.
    Stopped,
}

/// Requests whose commands have not been applied yet.
#[derive(Debug, Default)]
pub struct Waits(Mutex<BTreeMap<u64, oneshot::Sender<Result<Outcome, Untaken>>>>);

impl Waits {
    /// From now on, what comes of request `id` is received; until the receiver is dropped and [`Waits::forget`] called.
    pub fn register(&self, id: u64) -> oneshot::Receiver<Result<Outcome, Untaken>> {
        let (sender, receiver) = oneshot::channel();
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(id, sender);
        receiver
    }

    /// Nobody waits for it any more.
    pub fn forget(&self, id: u64) {
        self.take(id);
    }

    /// Nothing will come of it.
    pub fn refuse(&self, id: u64, why: Untaken) {
        self.tell(id, Err(why));
    }

    fn tell(&self, id: u64, told: Result<Outcome, Untaken>) {
        if let Some(waiting) = self.take(id) {
            // Whoever waited may have given up.
            let _ = waiting.send(told);
        }
    }

    fn take(&self, id: u64) -> Option<oneshot::Sender<Result<Outcome, Untaken>>> {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.remove(&id)
    }
}

/// A member's copy.
#[derive(Debug)]
pub struct Replica {
    /// Keys, values, leases, alarms.
    pub store: Store,
    /// Who belongs to the cluster.
    pub members: Members,
    waits: Arc<Waits>,
    leases: Arc<Leases>,
    watchers: Arc<Watchers>,
}

impl Replica {
    /// An empty one. What is applied, these hear of.
    pub fn new(
        store: Store,
        waits: Arc<Waits>,
        leases: Arc<Leases>,
        watchers: Arc<Watchers>,
    ) -> Replica {
        let members = Members::default();
        Replica {
            store,
            members,
            waits,
            leases,
            watchers,
        }
    }

    fn apply_to_store(&mut self, index: u64, command: store::Command) -> store::Response {
        let lease = match &command {
            store::Command::LeaseGrant { id, ttl } => Some((*id, Some(*ttl))),
            store::Command::LeaseRevoke(id) => Some((*id, None)),
            _ => None,
        };
        let response = self.store.apply(index, command);
        match lease {
            Some((id, Some(ttl))) if response.is_ok() => self.leases.granted(id, ttl),
            Some((id, None)) => self.leases.revoked(id),
            _ => {}
        }
        let events = self.store.take_events();
        self.watchers.applied(self.store.revision(), events);
        response
    }
}

/// A snapshot that is being read: first the members, then the store.
#[derive(Debug)]
pub struct Snapshot {
    members: Option<Vec<u8>>,
    store: store::Snapshot,
}

impl StateMachine for Replica {
    type Command = Command;
    type Response = ();
    type Snapshot = Snapshot;

    fn apply(&mut self, index: u64, command: Command) {
        let outcome = match command.request {
            Request::Store(request) => Outcome::Store(self.apply_to_store(index, request)),
            Request::Members(change) => {
                let changed = self.members.apply(change);
                Outcome::Members(changed.map(|()| self.members.clone()))
            }
        };
        self.waits.tell(command.id, Ok(outcome));
    }

    fn begin_snapshot(&self) -> Snapshot {
        // A list of ids, names and URLs can always be written.
        let members = postcard::to_stdvec(&self.members).unwrap_or_default();
        Snapshot {
            members: Some(members),
            store: self.store.begin_snapshot(),
        }
    }

    fn next_chunk(&self, snapshot: &mut Snapshot) -> Option<Vec<u8>> {
        match snapshot.members.take() {
            Some(members) => Some(members),
            None => self.store.next_chunk(&mut snapshot.store),
        }
    }

    fn restore(
        &mut self,
        chunks: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), String> {
        let members = chunks.next().ok_or("it has no list of members")??;
        self.members =
            postcard::from_bytes(&members).map_err(|e| format!("its list of members: {e}"))?;
        self.store.restore(chunks).map_err(|e| e.to_string())?;
        self.watchers.restored(&self.store);
        Ok(())
    }
}
