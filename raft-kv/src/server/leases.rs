//! The clock of leases, wound by this member while it leads: see [`crate::lease`] for what that has to keep to.

use std::future::Future;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream;
use node::Time;
use tokio::sync::{Notify, watch};
use tonic::Status;
use tracing::{debug, info};

use super::clock::Clock;
use super::errors;
use super::kv_server::{Ask, KvServer, Told, done, store_status};
use super::metrics;
use super::replica::{Command, Request};
use crate::consensus::{Consensus, Leadership, ProposeError};
use crate::lease::{Lessor, LessorError};
use crate::store::{self, LeaseId, Store, StoreError};

/// How many leases are revoked at a time.
const REVOKED_AT_ONCE: usize = 256;
/// Before another try to begin, where leadership was not confirmed.
const RETRY: Duration = Duration::from_millis(50);

/// The member whose leases are kept: the server, or one of the simulation.
pub trait Keeper: Sync {
    /// Its id.
    fn id(&self) -> u64;

    /// Who leads.
    fn leadership(&self) -> watch::Receiver<Leadership>;

    /// Makes sure that this member leads, and has applied all that was acknowledged.
    ///
    /// # Errors
    /// What a client hears; where another one leads, [`errors::NOT_LEADER`].
    fn confirm_leadership(&self) -> impl Future<Output = Result<(), Status>> + Send;

    /// Looks at the store.
    fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T;

    /// Proposes to revoke a lease, to this member's own consensus, as the leader of `term`, and in no other way: whoever leads later, this
    /// member included, has given it its full TTL again.
    ///
    /// # Errors
    /// When this member has stopped.
    fn revoke(
        &self,
        term: u64,
        id: LeaseId,
    ) -> impl Future<Output = Result<(), ProposeError>> + Send;
}

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
    ///
    /// # Errors
    /// [`errors::NOT_LEADER`]; others are the client's to hear.
    pub async fn renew(&self, keeper: &impl Keeper, id: LeaseId) -> Result<i64, Status> {
        // What was granted a moment ago may not have been applied here before the barrier.
        for _ in 0..2 {
            let renewed = self.lessor().renew(id, self.clock.now());
            if renewed == Err(LessorError::NotPrimary) {
                return Err(errors::NOT_LEADER.into());
            }
            keeper.confirm_leadership().await?;
            if let Ok(ttl) = renewed {
                metrics::lease("renewed");
                return Ok(ttl);
            }
        }
        Ok(0)
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

    /// Winds the clock whenever this member begins to lead, has leases revoked that are over, and lets go when it leads no more. Ends with the
    /// member.
    pub async fn keep(&self, keeper: &impl Keeper) {
        let mut leadership = keeper.leadership();
        loop {
            let now = *leadership.borrow_and_update();
            if now.leader != Some(keeper.id()) {
                self.lessor().demote();
                if leadership.changed().await.is_err() {
                    return;
                }
                continue;
            }
            // Everything that leaders before proposed has been applied then.
            if let Err(error) = keeper.confirm_leadership().await {
                debug!("leases wait: {error}");
                let changed = tokio::time::timeout(RETRY, leadership.changed()).await;
                if matches!(changed, Ok(Err(_))) {
                    return;
                }
                continue;
            }
            let count = keeper.read(|store| {
                self.lessor().promote(store.leases(), self.clock.now());
                store.leases().count()
            });
            info!(
                term = now.term,
                count, "this member keeps the clock of leases"
            );
            tokio::select! {
                () = self.revoke_expired(keeper, now.term) => {}
                _ = leadership.wait_for(|later| *later != now) => {}
            }
        }
    }

    async fn revoke_expired(&self, keeper: &impl Keeper, term: u64) {
        loop {
            let over = self.lessor().expired(self.clock.now(), REVOKED_AT_ONCE);
            let revoked = stream::iter(over).for_each_concurrent(None, |id| async move {
                match keeper.revoke(term, id).await {
                    Ok(()) => metrics::lease_expired(),
                    // Where this member leads on, the lessor names it again.
                    Err(error) => debug!("lease {id:x} is over and was not revoked: {error}"),
                }
            });
            revoked.await;
            match self.next_expiry() {
                Some(at) if at <= self.clock.now() => {}
                Some(at) => {
                    let wait = at.since(self.clock.now());
                    let _ = tokio::time::timeout(wait, self.changed.notified()).await;
                }
                None => self.changed.notified().await,
            }
        }
    }
}

impl Keeper for KvServer {
    fn id(&self) -> u64 {
        self.identity.member_id
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.engine.leadership()
    }

    async fn confirm_leadership(&self) -> Result<(), Status> {
        self.linearizable().await?;
        let leads = self.status().leadership.leader == Some(self.identity.member_id);
        leads.then_some(()).ok_or(errors::NOT_LEADER.into())
    }

    fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        KvServer::read(self, |replica| look(&replica.store))
    }

    async fn revoke(&self, term: u64, id: LeaseId) -> Result<(), ProposeError> {
        let request = Request::Store(store::Command::LeaseRevoke(id));
        let command = Command {
            id: self.ids.next(),
            request,
        };
        self.engine.propose_in(term, command).await
    }
}

impl KvServer {
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

#[cfg(test)]
mod tests {
    use super::*;

    /// A member whose consensus has stopped while it led.
    struct Stopped(watch::Receiver<Leadership>);

    impl Keeper for Stopped {
        fn id(&self) -> u64 {
            1
        }

        fn leadership(&self) -> watch::Receiver<Leadership> {
            self.0.clone()
        }

        async fn confirm_leadership(&self) -> Result<(), Status> {
            Err(errors::STOPPED.into())
        }

        fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
            look(&Store::new(0))
        }

        async fn revoke(&self, _: u64, _: LeaseId) -> Result<(), ProposeError> {
            Err(ProposeError::Unknown)
        }
    }

    /// It once asked again and again, without a pause, until the process ended.
    #[tokio::test]
    async fn nobody_keeps_the_leases_of_a_member_that_has_stopped() {
        let leading = Leadership {
            term: 1,
            leader: Some(1),
        };
        let (_, leadership) = watch::channel(leading);
        let leases = Leases::new(Clock::start());
        let keeper = Stopped(leadership);
        let kept = tokio::time::timeout(Duration::from_secs(20), leases.keep(&keeper));
        kept.await.unwrap();
    }
}
