//! Clients that hold leases, and let them go. A lease must not end before its TTL is over since its holder was last heard, whoever
//! leads meanwhile; and in the end it ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use node::Rng;
use raft_kv::store::LeaseId;

use crate::load::ask;
use crate::member::Shared;
use crate::service::{Ask, Told};

/// How long a client waits for an answer.
const PATIENCE: Duration = Duration::from_millis(800);

/// What was promised of leases, and what became of them, by the clock of the simulation.
#[derive(Debug, Default)]
pub(crate) struct Leases {
    /// Until when each lasts at least.
    promised: BTreeMap<LeaseId, Duration>,
    /// When each was first seen to have ended.
    ended: BTreeMap<LeaseId, Duration>,
    /// Those whose holders want to be rid of them.
    given_up: BTreeSet<LeaseId>,
    /// What was wrong first.
    pub(crate) violation: Option<String>,
}

impl Leases {
    /// A client asked at `asked` to have a lease granted or kept alive, and was told that it has its TTL.
    pub(crate) fn lasts(&mut self, id: LeaseId, asked: Duration, ttl_seconds: i64) {
        let ttl = Duration::from_secs(u64::try_from(ttl_seconds).unwrap());
        let until = self.promised.entry(id).or_default();
        *until = (*until).max(asked + ttl);
        self.check(id);
    }

    /// The revocation of a lease has been applied somewhere, or a client was told that it is no more.
    pub(crate) fn ended(&mut self, id: LeaseId, at: Duration) {
        self.ended.entry(id).or_insert(at);
        self.check(id);
    }

    /// Its holder is about to revoke it.
    pub(crate) fn given_up(&mut self, id: LeaseId) {
        self.given_up.insert(id);
    }

    fn check(&mut self, id: LeaseId) {
        if let (Some(until), Some(ended)) = (self.promised.get(&id), self.ended.get(&id))
            && ended < until
            && !self.given_up.contains(&id)
        {
            let what = format!("leases: {id} was to last until {until:?} and ended at {ended:?}");
            self.violation.get_or_insert(what);
        }
    }

    /// How many ended.
    pub(crate) fn count(&self) -> u64 {
        self.ended.len() as u64
    }
}

fn now() -> Duration {
    turmoil::sim_elapsed().unwrap_or_default()
}

/// Asks hosts until one says something; what, and when it was asked.
async fn ask_any(hosts: u64, rng: &mut Rng, host: &mut u64, question: &Ask) -> (Duration, Told) {
    loop {
        let asked = now();
        match ask(*host, question, PATIENCE).await {
            Told::Refused(reason) if reason.contains("lease") => {
                return (asked, Told::Refused(reason));
            }
            Told::Refused(_) => *host = 1 + rng.below(hosts),
            told => return (asked, told),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Holds one lease after the other, until `until` says so.
pub(crate) async fn holder(
    shared: Shared,
    number: u64,
    hosts: u64,
    mut rng: Rng,
    until: Arc<AtomicBool>,
) -> turmoil::Result {
    let mut host = 1 + rng.below(hosts);
    for n in 1.. {
        if until.load(Ordering::Relaxed) {
            break;
        }
        let id = i64::try_from(number * 1000 + n).unwrap();
        let ttl = 1 + i64::try_from(rng.below(2)).unwrap();
        let grant = Ask::Grant { id, ttl };
        let (asked, told) = ask_any(hosts, &mut rng, &mut host, &grant).await;
        if told != Told::Done {
            continue;
        }
        shared.lock().audit.leases.lasts(id, asked, ttl);
        let put = Ask::Put {
            key: format!("lease{id}"),
            value: "held".to_owned(),
            lease: id,
        };
        ask_any(hosts, &mut rng, &mut host, &put).await;
        // Now and then too late.
        for _ in 0..rng.below(6) {
            tokio::time::sleep(Duration::from_millis(rng.below(1000))).await;
            let keep = Ask::KeepAlive { id };
            let (asked, told) = ask_any(hosts, &mut rng, &mut host, &keep).await;
            shared.trace(&format!("lease {id}, asked at {asked:?}: {told:?}"));
            match told {
                Told::Ttl(0) => {
                    shared.lock().audit.leases.ended(id, now());
                    break;
                }
                Told::Ttl(ttl) => shared.lock().audit.leases.lasts(id, asked, ttl),
                _ => {}
            }
        }
        if rng.percent(20) {
            shared.lock().audit.leases.given_up(id);
            ask_any(hosts, &mut rng, &mut host, &Ask::Revoke { id }).await;
        }
    }
    Ok(())
}
