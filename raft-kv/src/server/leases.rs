//! The clock of leases, wound by this member while it leads: see [`crate::lease`] for what that has to keep to.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use node::Time;
use tokio::sync::Notify;
use tonic::Status;
use tracing::{debug, info};

use super::clock::Clock;
use super::errors;
use super::kv_server::{Ask, KvServer, Sent, Told, done, store_status};
use super::metrics;
use super::replica::{Command, Request};
use crate::consensus::Consensus;
use crate::lease::{Lessor, LessorError};
use crate::store::{self, LeaseId, StoreError};

/// How many leases are revoked at a time.
const REVOKED_AT_ONCE: usize = 256;
/// Before another try to begin, where leadership was not confirmed.
const RETRY: Duration = Duration::from_millis(50);

/// The lessor, and what wakes whoever waits for the next lease to be over.
#[derive(Debug)]
pub struct Leases {
    lessor: Mutex<Lessor>,
    clock: Clock,
    changed: Notify,
}

impl Leases {
    /// None yet, and no clock that runs.
    pub fn new(clock: Clock) -> Leases {
        Leases {
            lessor: Mutex::default(),
            clock,
            changed: Notify::new(),
        }
    }

    fn lessor(&self) -> MutexGuard<'_, Lessor> {
        self.lessor.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A grant has been applied.
    pub(super) fn granted(&self, id: LeaseId, ttl_seconds: i64) {
        self.lessor().granted(id, ttl_seconds, self.clock.now());
        self.changed.notify_one();
    }

    /// A revocation has been applied.
    pub(super) fn revoked(&self, id: LeaseId) {
        self.lessor().revoked(id);
    }

    fn next_expiry(&self) -> Option<Time> {
        self.lessor().next_expiry()
    }

    /// Keeps a lease alive; says its TTL, or 0 if there is none. First the clock is wound, then this member makes sure that it still leads: whoever
    /// leads next begins later, and gives the lease its full TTL from then on.
    pub(super) async fn renew(&self, server: &KvServer, id: LeaseId) -> Told {
        // What was granted a moment ago may not have been applied here before the barrier.
        for _ in 0..2 {
            let renewed = self.lessor().renew(id, self.clock.now());
            if renewed == Err(LessorError::NotPrimary) {
                return Told::NotLeader;
            }
            if let Err(status) = server.confirm_leadership().await {
                return if status.code() == tonic::Code::FailedPrecondition {
                    Told::NotLeader
                } else {
                    Told::Refused(status.into())
                };
            }
            if let Ok(ttl) = renewed {
                metrics::lease("renewed");
                return Told::Lease(ttl, ttl);
            }
        }
        Told::Lease(0, 0)
    }

    /// How long a lease will be, and what it was granted for; -1 if there is none.
    pub(super) fn time_to_live(&self, server: &KvServer, id: LeaseId) -> Told {
        let lessor = self.lessor();
        if !lessor.is_primary() {
            return Told::NotLeader;
        }
        let left = lessor.remaining(id, self.clock.now());
        drop(lessor);
        let granted = server.read(|replica| replica.store.lease(id).map(|lease| lease.ttl));
        match (left, granted) {
            (Some(left), Some(granted)) => {
                Told::Lease(i64::try_from(left.as_secs()).unwrap_or(i64::MAX), granted)
            }
            _ => Told::Lease(-1, 0),
        }
    }
}

impl KvServer {
    /// Makes sure that this member leads, and has applied all that was acknowledged.
    async fn confirm_leadership(&self) -> Result<(), Status> {
        self.linearizable().await?;
        let leads = self.status().leadership.leader == Some(self.identity.member_id);
        if leads {
            Ok(())
        } else {
            Err(errors::NOT_LEADER.into())
        }
    }

    /// Grants a lease of at least `ttl` seconds; says its id and its TTL.
    pub(super) async fn grant(&self, id: LeaseId, ttl: i64) -> Result<(LeaseId, i64, i64), Status> {
        if ttl > crate::lease::TTL_SECONDS_MAX {
            return Err(store_status(StoreError::LeaseTtlTooLarge));
        }
        // A lease must outlive an election, or it would never outlive a leader.
        let least = (self.settings.election_timeout() * 3 / 2)
            .as_secs_f64()
            .ceil();
        #[allow(clippy::cast_possible_truncation)]
        let ttl = ttl.max(least as i64);
        let id = if id == 0 { self.ids.next_lease() } else { id };
        let reply = self.change(store::Command::LeaseGrant { id, ttl }).await?;
        metrics::lease("granted");
        Ok((id, ttl, done(&reply)?))
    }

    /// Has the leader keep a lease alive; says its TTL, 0 if there is none.
    pub(super) async fn renew(&self, id: LeaseId) -> Result<i64, Status> {
        match self.ask_leader(&Ask::LeaseRenew(id)).await? {
            Told::Lease(ttl, _) => Ok(ttl),
            _ => Err(Status::internal("another question's answer")),
        }
    }
}

/// Winds the clock whenever this member begins to lead, has leases revoked that are over, and lets go when it leads no more. Ends never.
pub(super) async fn keep(server: &Arc<KvServer>) {
    let me = server.identity.member_id;
    let mut leadership = server.engine.leadership();
    loop {
        let now = *leadership.borrow_and_update();
        if now.leader != Some(me) {
            server.leases.lessor().demote();
            if leadership.changed().await.is_err() {
                return;
            }
            continue;
        }
        // Everything that leaders before proposed has been applied then.
        if let Err(error) = server.confirm_leadership().await {
            debug!("leases wait: {error}");
            let _ = tokio::time::timeout(RETRY, leadership.changed()).await;
            continue;
        }
        let count = server.read(|replica| {
            let mut lessor = server.leases.lessor();
            lessor.promote(replica.store.leases(), server.clock.now());
            replica.store.leases().count()
        });
        info!(
            term = now.term,
            count, "this member keeps the clock of leases"
        );
        tokio::select! {
            () = revoke_expired(server) => {}
            _ = leadership.wait_for(|later| *later != now) => {}
        }
    }
}

async fn revoke_expired(server: &Arc<KvServer>) {
    loop {
        let now = server.clock.now();
        let over = server.leases.lessor().expired(now, REVOKED_AT_ONCE);
        let revoked = stream::iter(over).for_each_concurrent(None, |id| async move {
            // To this member's own consensus, and to no other: whoever leads by now has given the lease its full TTL again.
            let request = Request::Store(store::Command::LeaseRevoke(id));
            let command = Command {
                id: server.ids.next(),
                request,
            };
            match server.propose_here(command).await {
                Ok(Sent::Perhaps) => metrics::lease_expired(),
                Ok(Sent::Refused) => debug!("lease {id:x} is another leader's now"),
                // The lessor names it again.
                Err(error) => debug!("lease {id:x} is over and was not revoked: {error}"),
            }
        });
        revoked.await;
        match server.leases.next_expiry() {
            Some(at) if at <= server.clock.now() => {}
            Some(at) => {
                let wait = at.since(server.clock.now());
                let _ = tokio::time::timeout(wait, server.leases.changed.notified()).await;
            }
            None => server.leases.changed.notified().await,
        }
    }
}
