//! What a simulated member does for clients, over a small protocol: the replica, the leases and the watchers are the server's own.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use node::Time;
use raft_kv::consensus::{Consensus, Leadership, MembershipError, ProposeError};
use raft_kv::server::errors::NOT_LEADER;
use raft_kv::server::ids::RequestIds;
use raft_kv::server::leases::{Keeper, Leases};
use raft_kv::server::replica::{Command, Outcome, Request, Waits};
use raft_kv::server::watchers::Watchers;
use raft_kv::store::{
    self, Bytes, KeyRange, LeaseId, PutRequest, RangeRequest, Reply, Store, TxnRequest, TxnResponse,
};
use raft_kv::watch::{WatchRequest, WatchResponse};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tonic::Status;
use turmoil::net::TcpStream;

use crate::machine::Audited;
use crate::member::{Engine, member};
use crate::wire;

/// How often quiet watchers are told how far they are.
const PROGRESS: Duration = Duration::from_millis(300);
/// How often room is given back.
const SCRUB: Duration = Duration::from_millis(100);

/// What a client may ask of a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    Put {
        key: String,
        value: String,
        lease: LeaseId,
    },
    Get {
        key: String,
    },
    Txn(TxnRequest),
    Compact {
        revision: i64,
    },
    Grant {
        id: LeaseId,
        ttl: i64,
    },
    KeepAlive {
        id: LeaseId,
    },
    Revoke {
        id: LeaseId,
    },
    /// The connection is this watcher's from then on; each further message asks for its progress.
    Watch {
        range: KeyRange,
        from: i64,
    },
    Add {
        host: u64,
        id: u64,
    },
    Remove {
        id: u64,
    },
    Transfer {
        to: u64,
    },
    Members,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Told {
    Done,
    Txn(TxnResponse),
    Value(Option<String>),
    /// A lease's TTL, in seconds; 0 where there is none any more.
    Ttl(i64),
    /// The ids of those with a vote, and of all.
    Members(Vec<u64>, Vec<u64>),
    /// It had no effect, and never will have.
    Refused(String),
    /// It may have.
    Unknown,
}

/// What a watcher is told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Heard {
    pub(crate) revision: i64,
    pub(crate) is_created: bool,
    /// The watcher ends; why, and the last compaction if that is the reason.
    pub(crate) canceled: Option<(String, i64)>,
    /// More of it follows.
    pub(crate) is_part: bool,
    /// The revision, the key, and its value, if it has one.
    pub(crate) events: Vec<(i64, Bytes, Option<Bytes>)>,
}

impl From<&WatchResponse> for Heard {
    fn from(response: &WatchResponse) -> Heard {
        let events = response.events.iter().map(|event| {
            let kv = &event.kv;
            let is_put = event.kind == store::EventKind::Put;
            let value = is_put.then(|| kv.value.clone());
            (kv.mod_revision, kv.key.clone(), value)
        });
        let canceled = (response.cancel_reason.to_owned(), response.compact_revision);
        Heard {
            revision: response.revision,
            is_created: response.created,
            canceled: response.canceled.then_some(canceled),
            is_part: response.fragment,
            events: events.collect(),
        }
    }
}

/// A member, as its clients know it.
#[derive(Clone)]
pub(crate) struct Service {
    id: u64,
    engine: Engine,
    machine: Arc<RwLock<Audited>>,
    waits: Arc<Waits>,
    leases: Arc<Leases>,
    watchers: Arc<Watchers>,
    ids: Arc<RequestIds>,
}

impl Keeper for Service {
    fn id(&self) -> u64 {
        self.id
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.engine.leadership()
    }

    async fn confirm_leadership(&self) -> Result<(), Status> {
        let confirmed = self.engine.read_index().await;
        confirmed.map_err(|error| Status::unavailable(error.to_string()))?;
        let leads = self.leads();
        leads.then_some(()).ok_or(NOT_LEADER.into())
    }

    fn read<T>(&self, look: impl FnOnce(&Store) -> T) -> T {
        let machine = self.machine.read().unwrap_or_else(PoisonError::into_inner);
        look(&machine.replica.store)
    }

    async fn revoke(&self, term: u64, id: LeaseId) -> Result<(), ProposeError> {
        let command = self.command(store::Command::LeaseRevoke(id));
        self.engine.propose_in(term, command).await
    }
}

impl Service {
    pub(crate) fn new(
        id: u64,
        engine: Engine,
        machine: Arc<RwLock<Audited>>,
        waits: Arc<Waits>,
        leases: Arc<Leases>,
        watchers: Arc<Watchers>,
    ) -> Service {
        let now = Time::ZERO + turmoil::sim_elapsed().unwrap_or_default();
        Service {
            id,
            engine,
            machine,
            waits,
            leases,
            watchers,
            ids: Arc::new(RequestIds::new(id, now)),
        }
    }

    pub(crate) async fn keep_leases(self) {
        self.leases.keep(&self).await;
    }

    pub(crate) async fn keep_watchers(self) {
        let scrub = async {
            loop {
                tokio::time::sleep(SCRUB).await;
                let mut machine = self.machine.write().unwrap_or_else(PoisonError::into_inner);
                machine.replica.store.scrub(2);
            }
        };
        tokio::join!(
            self.watchers.catch_up(&self.machine),
            self.watchers.progress(PROGRESS),
            scrub
        );
    }

    /// Serves one connection: a question, or a watcher.
    pub(crate) async fn serve(self, mut stream: TcpStream) {
        let Ok(frame) = wire::receive(&mut stream).await else {
            return;
        };
        let told = match postcard::from_bytes(&frame).unwrap() {
            Ask::Watch { range, from } => return self.serve_watcher(stream, range, from).await,
            ask => self.answer(ask).await,
        };
        // Whoever asked may be gone.
        let _ = wire::send(&mut stream, &postcard::to_stdvec(&told).unwrap()).await;
    }

    async fn serve_watcher(self, stream: TcpStream, range: KeyRange, from: i64) {
        let (mut asked, mut told) = stream.into_split();
        let (id, notify) = self.watchers.open();
        let request = WatchRequest {
            range,
            start_revision: from,
            progress_notify: true,
            fragment: true,
            ..WatchRequest::default()
        };
        self.watchers.with(|hub| hub.create(id, request));
        let ask = async {
            while wire::receive(&mut asked).await.is_ok() {
                self.watchers.with(|hub| hub.request_progress(id));
            }
        };
        let tell = async {
            loop {
                while let Some(response) = self.watchers.take(id) {
                    let heard = postcard::to_stdvec(&Heard::from(&response)).unwrap();
                    if wire::send(&mut told, &heard).await.is_err() {
                        return;
                    }
                }
                notify.notified().await;
            }
        };
        tokio::select! {
            () = ask => {}
            () = tell => {}
        }
        self.watchers.close(id);
    }

    fn leads(&self) -> bool {
        self.engine.status().leadership.leader == Some(self.id)
    }

    fn command(&self, command: store::Command) -> Command {
        let request = Request::Store(command);
        Command {
            id: self.ids.next(),
            request,
        }
    }

    /// Proposes; what the store answered, or what is known otherwise.
    async fn propose(&self, command: store::Command) -> Result<Reply, Told> {
        let command = self.command(command);
        let id = command.id;
        let mut outcome = self.waits.register(id);
        let proposed = self.engine.propose(command).await;
        self.waits.forget(id);
        match proposed {
            Ok(()) => match outcome.try_recv() {
                Ok(Ok(Outcome::Store(response))) => {
                    response.map_err(|error| Told::Refused(error.to_string()))
                }
                // A snapshot that was installed brought it.
                _ => Err(Told::Unknown),
            },
            Err(error @ ProposeError::NotLeader { .. }) => Err(Told::Refused(error.to_string())),
            Err(_) => Err(Told::Unknown),
        }
    }

    async fn answer(&self, ask: Ask) -> Told {
        let changed = |changed: Result<(), MembershipError>| match changed {
            Ok(()) => Told::Done,
            Err(MembershipError::Propose(ProposeError::Unknown)) => Told::Unknown,
            Err(error) => Told::Refused(error.to_string()),
        };
        let command = match ask {
            Ask::Put { key, value, lease } => store::Command::Put(PutRequest {
                key: key.into(),
                value: value.into(),
                lease,
                ..PutRequest::default()
            }),
            Ask::Txn(txn) if txn.is_read_only() => return self.read_txn(&txn).await,
            Ask::Txn(txn) => store::Command::Txn(txn),
            Ask::Compact { revision } => store::Command::Compact(revision),
            Ask::Grant { id, ttl } => store::Command::LeaseGrant { id, ttl },
            Ask::Revoke { id } => store::Command::LeaseRevoke(id),
            Ask::Get { key } => return self.get(&key).await,
            Ask::KeepAlive { id } if self.leads() => {
                return match self.leases.renew(self, id).await {
                    Ok(ttl) => Told::Ttl(ttl),
                    Err(status) => Told::Refused(status.message().to_owned()),
                };
            }
            Ask::Add { host, id } => {
                return changed(self.engine.add_member(id, member(host), false).await);
            }
            Ask::Remove { id } => return changed(self.engine.remove_member(id).await),
            Ask::Transfer { to } => return changed(self.engine.transfer_leader(to).await),
            Ask::Members if self.leads() => return self.members(),
            Ask::Members | Ask::KeepAlive { .. } | Ask::Watch { .. } => {
                return Told::Refused("it does not lead".to_owned());
            }
        };
        match self.propose(command).await {
            Ok(Reply::Txn(response)) => Told::Txn(response),
            Ok(_) => Told::Done,
            Err(told) => told,
        }
    }

    async fn get(&self, key: &str) -> Told {
        if let Err(error) = self.engine.read_index().await {
            return Told::Refused(error.to_string());
        }
        let request = RangeRequest {
            range: KeyRange::single(key),
            ..RangeRequest::default()
        };
        let found = self.read(|store| store.range(&request)).unwrap();
        let value = found.kvs.first();
        Told::Value(value.map(|kv| String::from_utf8_lossy(&kv.value).into_owned()))
    }

    async fn read_txn(&self, txn: &TxnRequest) -> Told {
        if let Err(error) = self.engine.read_index().await {
            return Told::Refused(error.to_string());
        }
        Told::Txn(self.read(|store| store.read_txn(txn)).unwrap())
    }

    fn members(&self) -> Told {
        let status = self.engine.status();
        let all = status.members.keys().copied().collect();
        let voters = status.members.iter().filter(|(_, member)| member.has_vote);
        Told::Members(voters.map(|(id, _)| *id).collect(), all)
    }
}
