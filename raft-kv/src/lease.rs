//! When leases are over (etcd's `lessor`, the part of it that knows the time).
//!
//! A lease is a promise: as long as its holder says at least once in each TTL that it lives, its keys stay. Which leases there are is
//! replicated; keep-alives are not, since they would be most of the log. So one member alone keeps the clock: the leader. It proposes to revoke
//! what is over, and only with that command, in the log, the lease ends, for all at once.
//!
//! A new leader does not know when the old one last heard of anybody, so it gives every lease its full TTL again. A lease may thus last
//! longer than its TTL, never shorter:
//!
//! - clocks of different members are never compared;
//! - the shell calls [`Lessor::promote`] once it has applied the log up to the first entry of its own term: revocations that the
//!   old leader proposed are behind it then, and proposals of an old term never come after;
//! - it answers a keep-alive only after it has confirmed that it still leads (as for a linearizable read): a deposed leader
//!   would promise what the new one does not know of.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;
use thiserror::Error;

use crate::store::LeaseId;

/// The longest TTL, in seconds: some 285 years, as in etcd.
pub const TTL_SECONDS_MAX: i64 = 9_000_000_000;

/// A revocation that was proposed and has not come out of the log is proposed again after this.
pub const REVOKE_RETRY: Duration = Duration::from_secs(3);

/// Why a lease is not renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum LessorError {
    /// Another member keeps the clock: ask the leader.
    #[error("this member does not lead; only the leader renews leases")]
    NotPrimary,
    /// Never granted, revoked, or over.
    #[error("etcdserver: requested lease not found")]
    NotFound,
}

/// The leader's clock of leases. That of another member is empty.
#[derive(Debug, Default)]
pub struct Lessor {
    primary: bool,
    leases: BTreeMap<LeaseId, Clock>,
    /// When to look at a lease again. An entry that is not [`Clock::look_at`] of its lease does not exist.
    queue: BTreeSet<(Time, LeaseId)>,
}

/// What is known of a lease here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Clock {
    ttl_seconds: i64,
    /// Over from then on.
    expires: Time,
    look_at: Time,
}

impl Lessor {
    /// This member leads now: `leases` are all that are granted, with their TTLs in seconds.
    pub fn promote(&mut self, leases: impl Iterator<Item = (LeaseId, i64)>, now: Time) {
        // EXERCISE(raft/lease): whatever was known here, each lease has its full TTL from now on.
        self.demote();
        self.primary = true;
        for (id, ttl_seconds) in leases {
            self.granted(id, ttl_seconds, now);
        }
    }

    /// This member does not lead any more.
    pub fn demote(&mut self) {
        *self = Lessor::default();
    }

    /// Whether this member keeps the clock.
    pub fn is_primary(&self) -> bool {
        self.primary
    }

    /// A lease was granted: the command has been applied.
    pub fn granted(&mut self, id: LeaseId, ttl_seconds: i64, now: Time) {
        if self.primary {
            let expires = now + seconds(ttl_seconds);
            self.set(
                id,
                Clock {
                    ttl_seconds,
                    expires,
                    look_at: expires,
                },
            );
        }
    }

    /// A lease was revoked: the command has been applied.
    pub fn revoked(&mut self, id: LeaseId) {
        if let Some(clock) = self.leases.remove(&id) {
            self.queue.remove(&(clock.look_at, id));
        }
    }

    /// Its holder lives: the lease lasts for its TTL from now. Says that TTL, in seconds.
    ///
    /// # Errors
    /// `NotFound` also where its time is over and nobody has revoked it yet: that may be under way.
    pub fn renew(&mut self, id: LeaseId, now: Time) -> Result<i64, LessorError> {
        // EXERCISE(raft/lease): a full TTL from now on, unless it is over already.
        if !self.primary {
            return Err(LessorError::NotPrimary);
        }
        let clock = self.leases.get(&id).filter(|clock| now < clock.expires);
        let ttl_seconds = clock.ok_or(LessorError::NotFound)?.ttl_seconds;
        self.granted(id, ttl_seconds, now);
        Ok(ttl_seconds)
    }

    /// How long a lease lasts yet; zero of one that is over and not yet revoked. None where there is no such lease, or another member leads.
    pub fn remaining(&self, id: LeaseId, now: Time) -> Option<Duration> {
        Some(self.leases.get(&id)?.expires.since(now))
    }

    /// Leases that are over, and have to be revoked: up to `count_max`, the earliest first. Each is named again only after a
    /// few seconds, should it still be there.
    pub fn expired(&mut self, now: Time, count_max: usize) -> Vec<LeaseId> {
        // EXERCISE(raft/lease): from the front of the queue; what is named is looked at again after `REVOKE_RETRY`.
        let mut over = Vec::new();
        while over.len() < count_max
            && let Some((at, id)) = self.queue.first().copied()
            && at <= now
        {
            self.queue.pop_first();
            if let Some(clock) = self.leases.get_mut(&id) {
                clock.look_at = now + REVOKE_RETRY;
                self.queue.insert((clock.look_at, id));
                over.push(id);
            }
        }
        over
    }

    /// When [`Lessor::expired`] will next have something to say.
    pub fn next_expiry(&self) -> Option<Time> {
        self.queue.first().map(|(at, _)| *at)
    }

    fn set(&mut self, id: LeaseId, clock: Clock) {
        self.revoked(id);
        self.leases.insert(id, clock);
        self.queue.insert((clock.look_at, id));
    }
}

fn seconds(seconds: i64) -> Duration {
    Duration::from_secs(u64::try_from(seconds).unwrap_or(0))
}
