//! The machine that a simulated member replicates: the server's, with somebody who looks on.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use raft_kv::server::replica::{Command, Replica, Request, Snapshot};
use raft_kv::state_machine::StateMachine;
use raft_kv::store::{self, Bytes, KeyRange, RangeRequest};

use crate::audit::{Applied, Change};
use crate::member::Shared;

/// Behind each command whose index this divides, members' stores are compared.
const HASH_EVERY: u64 = 16;

/// The replica, watched while it applies.
pub(crate) struct Audited {
    host: u64,
    id: u64,
    shared: Shared,
    pub(crate) replica: Replica,
    /// All keys, and the revisions of their last changes.
    keys: BTreeMap<Bytes, i64>,
}

impl Audited {
    pub(crate) fn new(host: u64, id: u64, shared: Shared, replica: Replica) -> Audited {
        Audited {
            host,
            id,
            shared,
            replica,
            keys: BTreeMap::new(),
        }
    }

    /// What is there now; and what of it is not what was there before, found without asking those who send events.
    fn look(&mut self) -> Vec<Change> {
        let all = RangeRequest {
            range: KeyRange::prefix([].as_slice()),
            ..RangeRequest::default()
        };
        let found = self.replica.store.range(&all).unwrap().kvs;
        let now: BTreeMap<Bytes, i64> = found
            .iter()
            .map(|kv| (kv.key.clone(), kv.mod_revision))
            .collect();
        let put = found
            .into_iter()
            .filter(|kv| self.keys.get(&kv.key) != Some(&kv.mod_revision))
            .map(|kv| (kv.key, Some(kv.value)));
        let gone = self.keys.keys().filter(|key| !now.contains_key(*key));
        let mut changes: Vec<Change> = put.chain(gone.map(|key| (key.clone(), None))).collect();
        changes.sort();
        self.keys = now;
        changes
    }
}

impl Borrow<Replica> for Audited {
    fn borrow(&self) -> &Replica {
        &self.replica
    }
}

impl StateMachine for Audited {
    type Command = Command;
    type Response = ();
    type Snapshot = Snapshot;

    fn apply(&mut self, index: u64, command: Command) {
        let encoded = postcard::to_stdvec(&command).unwrap();
        let before = self.replica.store.revision();
        let revoked = match &command.request {
            Request::Store(store::Command::LeaseRevoke(id)) => Some(*id),
            _ => None,
        };
        let revoked = revoked.filter(|id| self.replica.store.lease(*id).is_some());
        self.replica.apply(index, command);
        let changes = self.look();
        // It is over all that was ever written, so what differs at one index differs at the next that is looked at.
        let is_hashed = index.is_multiple_of(HASH_EVERY);
        let applied = Applied {
            command: encoded,
            revision: self.replica.store.revision(),
            changes,
            hash: is_hashed.then(|| self.replica.store.hash()),
        };
        let at = turmoil::sim_elapsed().unwrap_or_default();
        let mut shared = self.shared.lock();
        shared.audit.applies(self.id, index, before, &applied);
        if let Some(id) = revoked {
            shared.audit.leases.ended(id, at);
        }
    }

    fn begin_snapshot(&self) -> Snapshot {
        self.replica.begin_snapshot()
    }

    fn next_chunk(&self, snapshot: &mut Snapshot) -> Option<Vec<u8>> {
        self.replica.next_chunk(snapshot)
    }

    fn restore(
        &mut self,
        chunks: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), String> {
        let restored = self.replica.restore(chunks);
        self.look();
        if let Some(host) = self.shared.lock().hosts.get_mut(&self.host) {
            host.restored += 1;
        }
        restored
    }
}
