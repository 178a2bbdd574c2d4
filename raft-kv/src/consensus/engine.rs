//! [`Consensus`] by `openraft`.

mod members;
mod options;
mod reads;
mod receiving;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use futures::StreamExt;
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{ClientWriteError, Fatal, InitializeError, RaftError};
use openraft::impls::ProgressResponder;
use openraft::raft::{AppendEntriesResponse, ClientWriteResponse};
use openraft::{Instant, RaftMetrics};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::consensus::log_store::LogStore;
use crate::consensus::machine::Machine;
use crate::consensus::network::Network;
use crate::consensus::peer::{self, Envelope, Request, Response};
use crate::consensus::storage::Storage;
use crate::consensus::types::{Answer, Command, Runtime, Types, leader_in, position};
use crate::consensus::{
    Consensus, Leadership, Member, MemberStatus, MembershipError, ProposeError, ReadError, Status,
    Transport,
};
use crate::state_machine::StateMachine;
use crate::wal::snapshot;
use crate::wal::{WalError, recovery};

use members::{is_voter, matched};
pub use options::Options;
use receiving::Receiving;

type Raft<S> = openraft::Raft<Types, Machine<S>>;
type Metrics = RaftMetrics<Types>;

/// Why a member could not start.
#[derive(Clone, Debug, Error)]
pub enum StartError {
    /// Its log or its snapshot is not what it was.
    #[error(transparent)]
    Wal(#[from] WalError),
    /// The settings make no sense, or the engine did not start.
    #[error("the consensus engine did not start: {0}")]
    Engine(String),
}

/// A member of a cluster. Clones are the same member.
pub struct Openraft<S: StateMachine, T: Transport> {
    inner: Arc<Inner<S, T>>,
}

impl<S: StateMachine, T: Transport> Clone for Openraft<S, T> {
    fn clone(&self) -> Self {
        Openraft {
            inner: self.inner.clone(),
        }
    }
}

struct Inner<S: StateMachine, T: Transport> {
    options: Options,
    raft: Raft<S>,
    network: Network<T>,
    log: LogStore,
    leadership: watch::Receiver<Leadership>,
    applied: watch::Receiver<u64>,
    reads: mpsc::UnboundedSender<oneshot::Sender<Result<u64, ReadError>>>,
    receiving: Mutex<Receiving>,
    /// When a leader was last heard.
    heard: Mutex<Option<tokio::time::Instant>>,
    report: recovery::Report,
}

fn stopped(fatal: &Fatal<Types>) -> String {
    fatal.to_string()
}

impl<S: StateMachine, T: Transport> Openraft<S, T> {
    /// Starts a member with what its disk holds. A cluster that has never been begins with [`Openraft::bootstrap`].
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(
        options: Options,
        storage: Storage,
        machine: Arc<RwLock<S>>,
        transport: T,
    ) -> Result<Openraft<S, T>, StartError> {
        let seed = options.seed;
        Runtime::scope(
            seed,
            Self::start_seeded(options, storage, machine, transport),
        )
        .await
    }

    async fn start_seeded(
        options: Options,
        storage: Storage,
        machine: Arc<RwLock<S>>,
        transport: T,
    ) -> Result<Openraft<S, T>, StartError> {
        let engine = |e: &dyn std::fmt::Display| StartError::Engine(e.to_string());
        let config = options.config().validate().map_err(|e| engine(&e))?;
        let forgotten = storage.run(snapshot::remove_partial).await;
        forgotten.map_err(|e| engine(&e))??;
        let (log, report) = LogStore::open(storage.clone(), options.segment_bytes)?;
        let (applied, applied_receiver) = watch::channel(0);
        let (damaged, damage) = mpsc::channel(1);
        let network = Network {
            transport,
            storage: storage.clone(),
            cluster: options.cluster,
            id: options.id,
            append_timeout: options.election_timeout,
            snapshot_timeout: options.snapshot_timeout,
            backoff: options.heartbeat_interval,
            damaged,
        };
        let machine = Machine::new(machine, storage, applied);
        if options.lease_reads {
            // `openraft` forgets with its process that it has heard a leader, which may still read by that lease.
            tokio::time::sleep(options.lease()).await;
        }
        let raft = Raft::<S>::new(
            options.id,
            Arc::new(config),
            network.clone(),
            log.clone(),
            machine,
        );
        let raft = raft.await.map_err(|e| engine(&e))?;
        let (leadership, leadership_receiver) = watch::channel(Leadership::default());
        let (reads, asked) = mpsc::unbounded_channel();
        let member = Openraft {
            inner: Arc::new(Inner {
                raft,
                network,
                log,
                leadership: leadership_receiver,
                applied: applied_receiver,
                reads,
                receiving: Mutex::default(),
                heard: Mutex::default(),
                report,
                options,
            }),
        };
        tokio::spawn(watch_leadership(member.inner.raft.clone(), leadership));
        tokio::spawn(member.clone().answer_reads(asked));
        tokio::spawn(member.clone().give_votes());
        tokio::spawn(replace_damaged(member.inner.raft.clone(), damage));
        Ok(member)
    }

    /// Begins a cluster of these members, of which this is one. Each of them may do so, with the same list. Where it has begun already, nothing is done.
    ///
    /// # Errors
    /// [`StartError::Engine`].
    pub async fn bootstrap(&self, members: BTreeMap<u64, Member>) -> Result<(), StartError> {
        match self.inner.raft.initialize(members).await {
            Ok(()) | Err(RaftError::APIError(InitializeError::NotAllowed(_))) => Ok(()),
            Err(e) => Err(StartError::Engine(e.to_string())),
        }
    }

    /// What was found on the disk.
    pub fn recovered(&self) -> &recovery::Report {
        &self.inner.report
    }

    /// How many segments the log has, and the bytes in them.
    pub fn log_size(&self) -> (usize, u64) {
        self.inner.log.size()
    }

    /// Handles a message of another member, and returns the answer. What makes no sense is answered with a refusal.
    pub async fn handle(&self, message: &[u8]) -> Bytes {
        let response = match peer::decode::<Envelope>(message) {
            Ok(envelope) => self.answer(envelope).await,
            Err(reason) => Err(reason),
        };
        peer::encode(&response.unwrap_or_else(Response::Refused))
    }

    async fn answer(&self, envelope: Envelope) -> Result<Response, String> {
        let options = &self.inner.options;
        if envelope.cluster != options.cluster {
            return Err(format!(
                "the message is for cluster {:x}, this is {:x}",
                envelope.cluster, options.cluster
            ));
        }
        if envelope.to != options.id {
            return Err(format!(
                "the message is for member {:x}, this is {:x}",
                envelope.to, options.id
            ));
        }
        let raft = &self.inner.raft;
        let text = |e: RaftError<Types>| e.to_string();
        Ok(match envelope.request {
            Request::Append(request) => {
                let answer = raft.append_entries(request).await.map_err(text)?;
                if !matches!(answer, AppendEntriesResponse::HigherVote(_)) {
                    let mut heard = self
                        .inner
                        .heard
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner);
                    *heard = Some(tokio::time::Instant::now());
                }
                Response::Append(answer)
            }
            Request::Vote(request) => Response::Vote(raft.vote(request).await.map_err(text)?),
            Request::PreVote(request) => {
                Response::Vote(raft.pre_vote(request).await.map_err(text)?)
            }
            Request::TransferLeader(request) => {
                let done = raft.handle_transfer_leader(request).await;
                let done = done.map_err(|fatal| stopped(&fatal))?;
                Response::TransferLeader(done.map_err(|e| e.to_string()))
            }
            Request::ReadIndex => {
                Response::ReadIndex(self.own_read_index().await.map_err(|e| e.to_string()))
            }
            Request::Snapshot(part) => self.receive(envelope.from, part).await?,
        })
    }

    pub(super) fn metrics(&self) -> Metrics {
        self.inner.raft.metrics().borrow_watched().clone()
    }

    /// The metrics, where this member leads.
    fn leading(&self) -> Result<Metrics, ProposeError> {
        let metrics = self.metrics();
        if let Err(fatal) = &metrics.running_state {
            return Err(ProposeError::Stopped(stopped(fatal)));
        }
        if metrics.current_leader == Some(self.inner.options.id) {
            return Ok(metrics);
        }
        Err(ProposeError::NotLeader {
            leader: metrics.current_leader,
        })
    }

    /// Whether this member leads and takes no command for the moment, since it has not heard from a majority yet, or not for long. That passes,
    /// or another one leads.
    fn may_pass(&self, error: &ProposeError) -> bool {
        let leads = self.inner.leadership.borrow().leader == Some(self.inner.options.id);
        leads && *error == ProposeError::NotLeader { leader: None }
    }

    /// Writes these commands as one batch; there is an answer to each, in this order.
    async fn write_all(&self, commands: Vec<Command>) -> Vec<Result<Answer, ProposeError>> {
        let count = commands.len();
        let mut answers = match self.inner.raft.client_write_many(commands).await {
            Err(fatal) => {
                let error = ProposeError::Stopped(stopped(&fatal));
                return all_refused(count, &error);
            }
            Ok(answers) => answers,
        };
        let mut written = Vec::with_capacity(count);
        while let Some(Ok(answer)) = answers.next().await {
            let answer = answer.map(|written| {
                tracing::debug!(index = written.log_id.index, "proposed and applied");
                written.response
            });
            written.push(answer.map_err(|error| propose_error(RaftError::APIError(error))));
        }
        // Where no answer comes, the engine has ended with it under way.
        written.resize_with(count, || Err(ProposeError::Unknown));
        written
    }

    /// Whether this member heard lately from the leader that it knows, or as the leader from a majority. Both keep to what they know, since
    /// they hear of nobody else.
    fn in_touch(&self, metrics: &Metrics) -> bool {
        let patience = 2 * self.inner.options.election_timeout;
        if metrics.current_leader == Some(metrics.id) {
            let alone = metrics.membership_config.voter_ids().count() == 1;
            let heard = metrics.last_quorum_acked.as_ref();
            return alone || heard.is_none_or(|heard| heard.elapsed() < patience);
        }
        let heard = *self
            .inner
            .heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        heard.is_some_and(|heard| heard.elapsed() < patience)
    }

    async fn write_in(
        &self,
        term: u64,
        command: Command,
    ) -> Result<ClientWriteResponse<Types>, ProposeError> {
        let (responder, written) = ProgressResponder::complete_only();
        let write = self.inner.raft.write(command).responder(responder);
        let sent = write.with_leader(leader_in(term)).await;
        sent.map_err(|fatal| ProposeError::Stopped(stopped(&fatal)))?;
        // Where no answer comes, the engine has ended with it under way.
        let written = written.await.map_err(|_| ProposeError::Unknown)?;
        written.map_err(|error| propose_error(RaftError::APIError(error)))
    }
}

fn all_refused<T>(count: usize, error: &ProposeError) -> Vec<Result<T, ProposeError>> {
    std::iter::repeat_with(|| Err(error.clone()))
        .take(count)
        .collect()
}

fn encode<S: StateMachine>(command: &S::Command) -> Result<Command, ProposeError> {
    let encoded = postcard::to_stdvec(command);
    let encoded = encoded
        .map_err(|e| ProposeError::Stopped(format!("the command cannot be encoded: {e}")))?;
    // It is kept for long: without room to grow.
    Ok(Command(encoded.into_boxed_slice().into()))
}

fn response<S: StateMachine>(answer: Answer) -> Result<S::Response, ProposeError> {
    let response = answer.0.and_then(|answer| answer.downcast().ok());
    response
        .map(|response| *response)
        .ok_or_else(|| ProposeError::Stopped("a command was applied by another machine".to_owned()))
}

fn propose_error(error: RaftError<Types, ClientWriteError<Types>>) -> ProposeError {
    match error {
        RaftError::Fatal(fatal) => ProposeError::Stopped(stopped(&fatal)),
        RaftError::APIError(ClientWriteError::ForwardToLeader(forward)) => {
            ProposeError::NotLeader {
                leader: forward.leader_id,
            }
        }
        RaftError::APIError(_) => ProposeError::Unknown,
    }
}

async fn watch_leadership<S: StateMachine>(raft: Raft<S>, leadership: watch::Sender<Leadership>) {
    let mut metrics = raft.server_metrics();
    loop {
        let now = {
            let metrics = metrics.borrow_watched();
            Leadership {
                term: metrics.vote.leader_id.term,
                leader: metrics.current_leader,
            }
        };
        leadership.send_if_modified(|known| std::mem::replace(known, now) != now);
        if metrics.changed().await.is_err() {
            return;
        }
    }
}

/// Makes a snapshot whenever the one that there is was found to be damaged.
async fn replace_damaged<S: StateMachine>(raft: Raft<S>, mut damage: mpsc::Receiver<()>) {
    while damage.recv().await.is_some() {
        if raft.trigger().snapshot().await.is_err() {
            return;
        }
    }
}

impl<S: StateMachine, T: Transport> Consensus<S> for Openraft<S, T> {
    async fn propose_all(
        &self,
        commands: &[Arc<S::Command>],
    ) -> Vec<Result<S::Response, ProposeError>> {
        let encoded = commands.iter().map(|command| encode::<S>(command));
        let encoded: Vec<Command> = match encoded.collect() {
            Ok(encoded) => encoded,
            Err(error) => return all_refused(commands.len(), &error),
        };
        let options = &self.inner.options;
        let deadline = tokio::time::Instant::now() + options.election_timeout;
        loop {
            let written = self.write_all(encoded.clone()).await;
            // A leader takes all of them, or none.
            let may_pass = matches!(written.first(), Some(Err(e)) if self.may_pass(e));
            if !may_pass || tokio::time::Instant::now() >= deadline {
                let answers = written.into_iter();
                return answers.map(|answer| response::<S>(answer?)).collect();
            }
            tokio::time::sleep(options.heartbeat_interval / 10).await;
        }
    }

    async fn propose_in(
        &self,
        term: u64,
        command: S::Command,
    ) -> Result<S::Response, ProposeError> {
        let command = encode::<S>(&command)?;
        let options = &self.inner.options;
        let deadline = tokio::time::Instant::now() + options.election_timeout;
        loop {
            let error = match self.write_in(term, command.clone()).await {
                Ok(written) => return response::<S>(written.data),
                Err(error) => error,
            };
            let same_term = self.inner.leadership.borrow().term == term;
            let may_pass = same_term && self.may_pass(&error);
            if !may_pass || tokio::time::Instant::now() >= deadline {
                return Err(error);
            }
            tokio::time::sleep(options.heartbeat_interval / 10).await;
        }
    }

    async fn read_index(&self) -> Result<u64, ReadError> {
        let stopped = |_| ReadError::Stopped("it was stopped".to_owned());
        let (reader, index) = oneshot::channel();
        if self.inner.reads.send(reader).is_err() {
            return Err(ReadError::Stopped("it was stopped".to_owned()));
        }
        let index = index.await.map_err(stopped)??;
        let mut applied = self.inner.applied.clone();
        let applied = applied.wait_for(|applied| *applied >= index).await;
        applied
            .map(|_| index)
            .map_err(|_| ReadError::Stopped("it was stopped".to_owned()))
    }

    async fn add_member(
        &self,
        id: u64,
        member: Member,
        is_learner: bool,
    ) -> Result<(), MembershipError> {
        self.add(id, member, is_learner).await
    }

    async fn promote_member(&self, id: u64) -> Result<(), MembershipError> {
        self.promote(id).await
    }

    async fn remove_member(&self, id: u64) -> Result<(), MembershipError> {
        self.remove(id).await
    }

    async fn update_member(&self, id: u64, member: Member) -> Result<(), MembershipError> {
        self.update(id, member).await
    }

    async fn transfer_leader(&self, to: u64) -> Result<(), MembershipError> {
        self.transfer(to).await
    }

    async fn trigger_snapshot(&self) -> Result<(), ProposeError> {
        let triggered = self.inner.raft.trigger().snapshot().await;
        triggered.map_err(|fatal| ProposeError::Stopped(stopped(&fatal)))
    }

    fn status(&self) -> Status {
        let metrics = self.metrics();
        let members = metrics.membership_config.nodes().map(|(id, member)| {
            let status = MemberStatus {
                has_vote: is_voter(&metrics, *id),
                is_learner: !is_voter(&metrics, *id) && !member.wants_vote,
                matched: matched(&metrics, *id),
                member: member.clone(),
            };
            (*id, status)
        });
        Status {
            id: metrics.id,
            leadership: Leadership {
                term: metrics.current_term,
                leader: metrics.current_leader.filter(|_| self.in_touch(&metrics)),
            },
            last_index: metrics.last_log_index.unwrap_or(0),
            committed: metrics
                .local_committed
                .map_or(0, |committed| committed.index),
            applied: *self.inner.applied.borrow(),
            snapshot: metrics.snapshot.as_ref().map(position),
            purged: metrics.purged.as_ref().map(position),
            members: members.collect(),
        }
    }

    fn unapplied(&self) -> u64 {
        let metrics = self.inner.raft.metrics();
        let committed = metrics.borrow_watched().local_committed;
        let committed = committed.map_or(0, |committed| committed.index);
        committed.saturating_sub(*self.inner.applied.borrow())
    }

    fn leadership(&self) -> watch::Receiver<Leadership> {
        self.inner.leadership.clone()
    }

    fn applied(&self) -> watch::Receiver<u64> {
        self.inner.applied.clone()
    }

    async fn failed(&self) -> String {
        // They end with the engine, which says why in the others; those change with every entry.
        let mut seldom = self.inner.raft.server_metrics();
        while seldom.changed().await.is_ok() {}
        match &self.metrics().running_state {
            Err(fatal) => stopped(fatal),
            Ok(()) => "it was stopped".to_owned(),
        }
    }

    async fn stop(&self) {
        if let Err(error) = self.inner.raft.shutdown().await {
            tracing::error!("the consensus engine did not stop as it should: {error}");
        }
        self.inner.log.stop().await;
    }
}
