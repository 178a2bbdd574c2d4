//! A member (etcd's `EtcdServer`): what clients ask for goes to the consensus, and comes back from the store.
//!
//! A proposal goes to the leader, wherever that is; the answer comes from this member's own store. Where it is not certain that a
//! proposal was lost, it is not made again: the client hears of a timeout, and knows as much as we do.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tonic::{Code, Status};
use tracing::{instrument, warn};

use super::Engine;
use super::clock::Clock;
use super::errors::{self, EtcdError, Refusal};
use super::identity::Identity;
use super::ids::RequestIds;
use super::leases::Leases;
use super::members::{Change, Members};
use super::metrics;
use super::peers::Peers;
use super::proposals::{Proposals, Taken};
use super::replica::{Command, Outcome, Replica, Request, Waits};
use super::settings::Settings;
use super::urls::Url;
use super::watchers::Watchers;
use super::wire::etcdserverpb::ResponseHeader;
use crate::consensus::{self, Consensus, Leadership, ReadError, Status as RaftStatus};
use crate::store::{self, AlarmType, Reply, StoreError};

/// For how many election timeouts nobody leads before streams end that need a leader, as in etcd.
const LEADERLESS_MAX: u32 = 3;
/// How long another member is asked how it stands.
const STANDING_MAX: Duration = Duration::from_millis(500);
/// Before another look at who leads, or at who belongs to the cluster, at the latest.
pub(super) const RETRY: Duration = Duration::from_millis(50);

/// A member.
pub struct KvServer {
    /// What it was told.
    pub settings: Settings,
    /// Who it is.
    pub identity: Identity,
    /// The time.
    pub clock: Clock,
    /// Where clients are told to connect.
    pub client_urls: Vec<String>,
    /// When leases end; counts while this member leads.
    pub(super) leases: Arc<Leases>,
    /// Who hears of changes.
    pub(super) watchers: Arc<Watchers>,
    pub(super) ids: RequestIds,
    pub(super) machine: Arc<RwLock<Replica>>,
    pub(super) waits: Arc<Waits>,
    pub(super) proposals: Proposals,
    pub(super) engine: Engine,
    pub(super) peers: Peers,
    /// Whether there was a leader lately.
    pub(super) led: watch::Sender<bool>,
}

/// What a member asks the leader for, on behalf of its client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Ask {
    /// To propose commands.
    Propose(Vec<Arc<Command>>),
    /// To keep a lease alive.
    LeaseRenew(i64),
    /// How long a lease will be, seconds.
    LeaseTimeToLive(i64),
    /// Whether a learner has what the leader has, nearly.
    LearnerReady(u64),
    /// How the member itself stands, whoever leads.
    Standing,
}

/// How a member stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Standing {
    /// The term that it is in.
    pub(super) term: u64,
    /// The index of its last entry.
    pub(super) last: u64,
    /// Up to which entry it knows that all is committed.
    pub(super) committed: u64,
    /// Up to which it has applied them.
    pub(super) applied: u64,
    /// Up to which its snapshot goes.
    pub(super) snapshot: Option<u64>,
}

/// What the leader answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Told {
    /// It is done.
    Done,
    /// What became of each command.
    Proposed(Vec<Taken>),
    /// The TTL that is left, or was granted anew, and the one that was granted first, seconds.
    Lease(i64, i64),
    /// How it stands.
    Standing(Standing),
    /// It is not the leader.
    NotLeader,
    /// It will not be done.
    Refused(Refusal),
}

impl KvServer {
    /// Looks at the store and the list of members, as they are on this member.
    pub fn read<T>(&self, look: impl FnOnce(&Replica) -> T) -> T {
        look(&self.machine.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Where the consensus is.
    pub fn status(&self) -> RaftStatus {
        self.engine.status()
    }

    /// The head of an answer that the store gave at `revision`.
    pub(super) fn header(&self, revision: i64) -> ResponseHeader {
        ResponseHeader {
            cluster_id: self.identity.cluster_id,
            member_id: self.identity.member_id,
            revision,
            raft_term: self.engine.leadership().borrow().term,
        }
    }

    /// The head of an answer that has nothing to do with a revision.
    pub(super) fn header_now(&self) -> ResponseHeader {
        self.header(self.read(|replica| replica.store.revision()))
    }

    pub(super) fn is_learner(&self) -> bool {
        self.read(|replica| {
            let me = replica.members.get(self.identity.member_id);
            me.is_some_and(|me| me.is_learner)
        })
    }

    pub(super) fn refuse_learner(&self) -> Result<(), EtcdError> {
        if self.is_learner() {
            Err(errors::NOT_FOR_LEARNERS)
        } else {
            Ok(())
        }
    }

    /// Changes the store.
    pub(super) async fn change(&self, command: store::Command) -> Result<Reply, Status> {
        self.refuse_learner()?;
        command
            .check(self.settings.options.max_txn_ops)
            .map_err(store_status)?;
        self.check_room(&command).await?;
        match self.propose(Request::Store(command)).await? {
            Outcome::Store(response) => response.map_err(store_status),
            Outcome::Members(_) => Err(Status::internal("another request's answer")),
        }
    }

    /// Whether the store has room for what a command brings; where it has not, all members hear of it by the alarm.
    async fn check_room(&self, command: &store::Command) -> Result<(), Status> {
        let Err(error) = self.read(|replica| replica.store.check_quota(command)) else {
            return Ok(());
        };
        let (member, alarm) = (self.identity.member_id, AlarmType::NoSpace);
        let raised = self.read(|replica| replica.store.alarms().any(|on| on == (member, alarm)));
        if !raised {
            warn!(
                quota_bytes = self.settings.quota_bytes,
                "the store is full: compact, defragment, disarm the alarm"
            );
            let raise = store::Command::Alarm {
                member,
                alarm,
                on: true,
            };
            self.propose(Request::Store(raise)).await?;
        }
        Err(store_status(error))
    }

    /// Changes the list of members; says what it is then.
    pub(super) async fn change_members(&self, change: Change) -> Result<Members, Status> {
        match self.propose(Request::Members(change)).await? {
            Outcome::Members(changed) => changed.map_err(Status::from),
            Outcome::Store(_) => Err(Status::internal("another request's answer")),
        }
    }

    /// Waits until somebody else leads than when `leadership` was last looked at, but not for long.
    pub(super) async fn leader_changes(&self, leadership: &mut watch::Receiver<Leadership>) {
        let _ = tokio::time::timeout(RETRY, leadership.changed()).await;
    }

    /// Asks `leader` for what only the leader can do.
    pub(super) async fn ask(&self, leader: u64, ask: &Ask) -> anyhow::Result<Told> {
        let body = postcard::to_stdvec(ask)?.into();
        let urls = self.peer_urls(leader);
        let answer = self.peers.leader(leader, &urls, body).await?;
        Ok(postcard::from_bytes(&answer)?)
    }

    /// Asks whoever leads, this member included, until that is answered.
    pub(super) async fn ask_leader(&self, ask: &Ask) -> Result<Told, Status> {
        let until_told = async {
            let mut leadership = self.engine.leadership();
            loop {
                let leader = leadership.borrow_and_update().leader;
                let told = match leader {
                    Some(leader) if leader == self.identity.member_id => {
                        self.answer(ask.clone()).await
                    }
                    Some(leader) => self.ask(leader, ask).await.unwrap_or(Told::NotLeader),
                    None => Told::NotLeader,
                };
                match told {
                    Told::NotLeader => self.leader_changes(&mut leadership).await,
                    Told::Refused(refusal) => return Err(refusal.into()),
                    told => return Ok(told),
                }
            }
        };
        let told = tokio::time::timeout(self.settings.request_timeout(), until_told).await;
        told.unwrap_or_else(|_| Err(errors::TIMEOUT.into()))
    }

    /// What this member, as the leader, answers to another one.
    pub(super) async fn answer(&self, ask: Ask) -> Told {
        let refused = |error: EtcdError| Told::Refused(error.into());
        match ask {
            Ask::Propose(commands) => Told::Proposed(self.propose_here(&commands).await),
            Ask::Standing => Told::Standing(self.standing()),
            _ if self.status().leadership.leader != Some(self.identity.member_id) => {
                Told::NotLeader
            }
            Ask::LeaseRenew(id) => match self.leases.renew(self, id).await {
                Ok(ttl) => Told::Lease(ttl, ttl),
                Err(status) if status.code() == Code::FailedPrecondition => Told::NotLeader,
                Err(status) => Told::Refused(status.into()),
            },
            Ask::LeaseTimeToLive(id) => self.leases.time_to_live(self, id),
            Ask::LearnerReady(id) => match self.learner_ready(id) {
                true => Told::Done,
                false => refused(errors::LEARNER_NOT_READY),
            },
        }
    }

    fn standing(&self) -> Standing {
        let status = self.status();
        Standing {
            term: status.leadership.term,
            last: status.last_index,
            committed: status.committed,
            applied: status.applied,
            snapshot: status.snapshot.map(|at| at.index),
        }
    }

    /// How a member stands, this one or another; none where that one does not say so soon.
    pub(super) async fn standing_of(&self, id: u64) -> Option<Standing> {
        if id == self.identity.member_id {
            return Some(self.standing());
        }
        match tokio::time::timeout(STANDING_MAX, self.ask(id, &Ask::Standing)).await {
            Ok(Ok(Told::Standing(standing))) => Some(standing),
            _ => None,
        }
    }

    /// Where a member is called: as the list of members says, or, before there is one, as the first start's flags did.
    pub(super) fn peer_urls(&self, id: u64) -> Vec<Url> {
        let known = self.read(|replica| {
            replica
                .members
                .get(id)
                .map(|member| member.peer_urls.clone())
        });
        known.unwrap_or_else(|| {
            let members = self.engine.status().members;
            members
                .get(&id)
                .map_or_else(Vec::new, |known| urls(&known.member))
        })
    }

    /// Waits until what was written before this call can be read here.
    #[instrument(level = "debug", skip_all)]
    pub(super) async fn linearizable(&self) -> Result<(), Status> {
        self.refuse_learner()?;
        let read_index = async {
            let mut leadership = self.engine.leadership();
            loop {
                leadership.mark_unchanged();
                match self.engine.read_index().await {
                    Ok(_) => return Ok(()),
                    Err(ReadError::NoLeader(_)) => self.leader_changes(&mut leadership).await,
                    Err(ReadError::Stopped(_)) => return Err(errors::STOPPED.into()),
                }
            }
        };
        let done = tokio::time::timeout(self.settings.request_timeout(), read_index).await;
        done.unwrap_or_else(|_| {
            metrics::read_index_failed();
            Err(errors::TIMEOUT.into())
        })
    }

    /// Whether this member knows a leader.
    pub(super) fn has_leader(&self) -> bool {
        self.status().leadership.leader.is_some()
    }

    /// Waits until no member has led for three election timeouts, with which streams end whose clients asked for that.
    pub(super) async fn leader_lost(&self) {
        // It ends with this server.
        let _ = self.led.subscribe().wait_for(|led| !led).await;
    }

    /// Looks out for that.
    pub(super) async fn watch_leader(&self) {
        let mut without = 0;
        loop {
            tokio::time::sleep(self.settings.election_timeout()).await;
            without = if self.has_leader() { 0 } else { without + 1 };
            let led = without < LEADERLESS_MAX;
            self.led
                .send_if_modified(|known| std::mem::replace(known, led) != led);
        }
    }
}

/// The store's revision behind a command that has nothing else to say.
pub(super) fn done(reply: &Reply) -> Result<i64, Status> {
    match reply {
        Reply::Done { revision } => Ok(*revision),
        _ => Err(Status::internal("another command's answer")),
    }
}

/// Where the consensus has it that a member is called.
pub(super) fn urls(member: &consensus::Member) -> Vec<Url> {
    member
        .peer_urls
        .iter()
        .filter_map(|url| url.parse().ok())
        .collect()
}

/// An error of the store as clients hear it.
#[allow(clippy::needless_pass_by_value)] // For `map_err`.
pub(super) fn store_status(error: StoreError) -> Status {
    Status::new(error.grpc_code().into(), error.to_string())
}
