//! [`Consensus`] by `openraft`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use node::{Disk, DiskError};
use openraft::async_runtime::WatchReceiver;
use openraft::errors::{
    ChangeMembershipError, ClientWriteError, Fatal, InitializeError, RaftError,
};
use openraft::{ChangeMembers, Config, RaftMetrics, ReadPolicy, SnapshotPolicy};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot, watch};

use crate::consensus::log_store::LogStore;
use crate::consensus::machine::{Machine, SnapshotFile, raft_meta};
use crate::consensus::network::Network;
use crate::consensus::peer::{self, Envelope, Request, Response, SnapshotPart};
use crate::consensus::storage::Storage;
use crate::consensus::types::{Answer, Command, Runtime, Snapshot, Types, position};
use crate::consensus::{
    Consensus, Leadership, Member, MemberStatus, MembershipError, ProposeError, ReadError, Status,
    Transport,
};
use crate::state_machine::StateMachine;
use crate::wal::snapshot;
use crate::wal::{WalError, recovery};

/// A member with this many entries less than the leader has not caught up.
const CAUGHT_UP_ENTRIES: u64 = 100;

type Raft<S> = openraft::Raft<Types, Machine<S>>;
type Metrics = RaftMetrics<Types>;

/// How a member takes part.
#[derive(Clone, Debug)]
pub struct Options {
    /// This member. An id is used for one data directory, and never again.
    pub id: u64,
    /// The cluster. Messages of another one are refused.
    pub cluster: u64,
    /// How often the leader says that it leads (`--heartbeat-interval`).
    pub heartbeat_interval: Duration,
    /// A follower that has heard nothing for so long campaigns, at the earliest (`--election-timeout`).
    pub election_timeout: Duration,
    /// After so many entries a snapshot is made (`--snapshot-count`).
    pub snapshot_entries: u64,
    /// So many entries before a snapshot are kept, for members that are a little behind.
    pub catch_up_entries: u64,
    /// How long a member may take over a part of a snapshot: the answer to the last one comes when it is installed.
    pub snapshot_timeout: Duration,
    /// A leader answers reads without asking the others while it has heard from a majority less than two thirds of an election timeout ago. That is
    /// linearizable only if no clock runs faster than another by as much.
    pub lease_reads: bool,
    /// What election timeouts are drawn from. Drawn itself, but in a simulation.
    pub seed: u64,
    /// The length of the log's segments, in bytes; none for the usual one.
    pub segment_bytes: Option<u64>,
}

impl Options {
    /// etcd's defaults.
    pub fn new(cluster: u64, id: u64, seed: u64) -> Options {
        Options {
            id,
            cluster,
            heartbeat_interval: Duration::from_millis(100),
            election_timeout: Duration::from_millis(1000),
            snapshot_entries: 100_000,
            catch_up_entries: 5000,
            snapshot_timeout: Duration::from_secs(30),
            lease_reads: false,
            seed,
            segment_bytes: None,
        }
    }

    fn config(&self) -> Config {
        let ms = |duration: Duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let election = ms(self.election_timeout);
        // A follower campaigns when it has heard nothing for the second of these, which is the leader's lease too, and a time drawn from
        // between the two: for 1 to 1.2 election timeouts in all.
        let election_timeout_min = (election * 40 / 100).max(1);
        let election_timeout_max = (election - election * 40 / 100).max(2);
        Config {
            cluster_name: format!("{:x}", self.cluster),
            heartbeat_interval: ms(self.heartbeat_interval),
            election_timeout_min,
            election_timeout_max,
            enable_pre_vote: Some(true),
            // A leader that comes back must not go on in its old term: it knows of less that is committed than it did before, and would
            // answer reads from there.
            enable_leader_restore: Some(false),
            snapshot_policy: SnapshotPolicy::LogsSinceLast(self.snapshot_entries),
            max_in_snapshot_log_to_keep: self.catch_up_entries,
            purge_batch_size: (self.snapshot_entries / 10).max(1),
            max_payload_entries: 1000,
            ..Config::default()
        }
    }
}

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
    report: recovery::Report,
}

/// A snapshot on its way here.
#[derive(Default)]
struct Receiving {
    /// How many there were: each has a file of its own.
    count: u64,
    from: u64,
    /// Its name at the leader.
    name: String,
    len: u64,
    /// All of it is here, and the engine has it.
    is_whole: bool,
}

impl Receiving {
    fn file(&self) -> String {
        snapshot::partial_file(&format!("received-{}", self.count))
    }
}

fn remove_if_there(disk: &mut dyn Disk, file: &str) -> Result<(), DiskError> {
    if disk.exists(file) {
        disk.remove(file)?;
    }
    Ok(())
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
        let network = Network {
            transport,
            storage: storage.clone(),
            cluster: options.cluster,
            id: options.id,
            append_timeout: options.election_timeout,
            snapshot_timeout: options.snapshot_timeout,
            backoff: options.heartbeat_interval,
        };
        let machine = Machine::new(machine, storage, applied);
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
                report,
                options,
            }),
        };
        tokio::spawn(watch_leadership(member.inner.raft.clone(), leadership));
        tokio::spawn(member.clone().answer_reads(asked));
        tokio::spawn(member.clone().give_votes());
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
                Response::Append(raft.append_entries(request).await.map_err(text)?)
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

    /// Takes a part of a snapshot; with the last one, installs it.
    async fn receive(&self, from: u64, part: SnapshotPart) -> Result<Response, String> {
        let (file, abandoned) = {
            let receiving = self.inner.receiving.lock();
            let mut receiving = receiving.unwrap_or_else(PoisonError::into_inner);
            let mut abandoned = None;
            if part.offset == 0 {
                abandoned = (!receiving.is_whole).then(|| receiving.file());
                receiving.count += 1;
                (receiving.from, receiving.name, receiving.len) = (from, part.file, 0);
            } else if (receiving.from, &receiving.name, receiving.len)
                != (from, &part.file, part.offset)
            {
                return Ok(Response::SnapshotPart(false));
            }
            receiving.len += part.bytes.len() as u64;
            receiving.is_whole = part.is_last;
            (receiving.file(), abandoned)
        };
        let storage = &self.inner.network.storage;
        let (to, offset, is_last, bytes) = (file.clone(), part.offset, part.is_last, part.bytes);
        let written = storage.run(move |disk| {
            // Others are being built, or installed.
            if let Some(file) = abandoned {
                remove_if_there(disk, &file)?;
            }
            disk.write_at(&to, offset, &bytes)?;
            // Before the engine hears of it: it takes a damaged one for a failed disk.
            is_last.then(|| snapshot::verify(disk, &to)).transpose()
        });
        let written = written.await.map_err(|e| e.to_string())?;
        let Some(meta) = written.map_err(|e| e.to_string())? else {
            return Ok(Response::SnapshotPart(true));
        };
        let snapshot = Snapshot {
            meta: raft_meta(&meta).map_err(|e| e.to_string())?,
            snapshot: SnapshotFile {
                file: file.clone(),
                storage: storage.clone(),
            },
        };
        let installed = self.inner.raft.install_full_snapshot(part.vote, snapshot);
        let installed = installed.await.map_err(|fatal| stopped(&fatal))?;
        // The engine does not install one that is older than what is here.
        let removed = storage.run(move |disk| remove_if_there(disk, &file)).await;
        removed
            .map_err(|e| e.to_string())?
            .map_err(|e| e.to_string())?;
        Ok(Response::SnapshotInstalled(installed))
    }

    /// Answers those who want to read: one question for all who came while the one before was under way.
    async fn answer_reads(
        self,
        mut asked: mpsc::UnboundedReceiver<oneshot::Sender<Result<u64, ReadError>>>,
    ) {
        let mut waiting = Vec::new();
        loop {
            tokio::select! {
                _ = asked.recv_many(&mut waiting, usize::MAX) => {}
                _ = self.failed() => return,
            }
            let index = tokio::select! {
                index = self.fresh_index() => index,
                reason = self.failed() => Err(ReadError::Stopped(reason)),
            };
            for reader in waiting.drain(..) {
                // Whoever does not wait any more has no interest.
                let _ = reader.send(index.clone());
            }
        }
    }

    async fn fresh_index(&self) -> Result<u64, ReadError> {
        let Leadership { leader, .. } = *self.inner.leadership.borrow();
        let leader = leader.ok_or_else(|| ReadError::NoLeader("nobody leads".to_owned()))?;
        if leader == self.inner.options.id {
            return self.own_read_index().await;
        }
        let members = self.metrics().membership_config;
        let member = members.membership().get_node(&leader).cloned();
        let way = self.inner.network.way(leader, &member.unwrap_or_default());
        let timeout = self.inner.options.election_timeout;
        match way.ask(Request::ReadIndex, timeout).await {
            Ok(Response::ReadIndex(index)) => index.map_err(ReadError::NoLeader),
            Ok(_) => Err(ReadError::NoLeader("its answer makes no sense".to_owned())),
            Err(failure) => Err(ReadError::NoLeader(failure.to_string())),
        }
    }

    /// From where on a read is fresh, if this member leads.
    async fn own_read_index(&self) -> Result<u64, ReadError> {
        let policy = if self.inner.options.lease_reads {
            ReadPolicy::LeaseRead
        } else {
            ReadPolicy::ReadIndex
        };
        match self.inner.raft.get_read_linearizer(policy).await {
            Ok(linearizer) => Ok(linearizer.read_log_id().index()),
            Err(RaftError::Fatal(fatal)) => Err(ReadError::Stopped(stopped(&fatal))),
            Err(RaftError::APIError(e)) => Err(ReadError::NoLeader(e.to_string())),
        }
    }

    /// While this member leads, gives those that were added with a wish for a vote theirs, when they have caught up: before, they
    /// would count for the majority without being able to help (the thesis, section 4.2.1).
    async fn give_votes(self) {
        let mut all = self.inner.raft.metrics();
        // What changes with every entry is looked at only while somebody waits.
        let mut seldom = self.inner.raft.server_metrics();
        loop {
            let metrics = self.metrics();
            let nodes = metrics.membership_config.nodes();
            let waiting: Vec<u64> = nodes
                .filter(|(id, member)| member.wants_vote && !is_voter(&metrics, **id))
                .map(|(id, _)| *id)
                .collect();
            for id in &waiting {
                if has_caught_up(&metrics, *id) {
                    let change = ChangeMembers::AddVoterIds(BTreeSet::from([*id]));
                    if let Err(error) = self.change(change, true).await {
                        tracing::debug!("member {id:x} gets no vote yet: {error}");
                    }
                }
            }
            let changed = if waiting.is_empty() {
                seldom.changed().await
            } else {
                all.changed().await
            };
            if changed.is_err() {
                return;
            }
        }
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

    /// Has a command committed and applied. A leader that has not heard from a majority yet, or not for long, takes none; that passes, or
    /// another one leads.
    async fn write(&self, command: Command) -> Result<Answer, ProposeError> {
        let options = &self.inner.options;
        let deadline = tokio::time::Instant::now() + options.election_timeout;
        loop {
            let written = self.inner.raft.client_write(command.clone()).await;
            let error = match written {
                Ok(written) => {
                    tracing::debug!(index = written.log_id.index, "proposed and applied");
                    return Ok(written.data);
                }
                Err(error) => propose_error(error),
            };
            let leads = self.inner.leadership.borrow().leader == Some(options.id);
            let may_pass = error == ProposeError::NotLeader { leader: None } && leads;
            if !may_pass || tokio::time::Instant::now() >= deadline {
                return Err(error);
            }
            tokio::time::sleep(options.heartbeat_interval / 10).await;
        }
    }

    async fn change(
        &self,
        change: ChangeMembers<u64, Member>,
        retain: bool,
    ) -> Result<(), MembershipError> {
        match self.inner.raft.change_membership(change, retain).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(error))) => {
                Err(match error {
                    ChangeMembershipError::LearnerNotFound(e) => {
                        MembershipError::NotFound(e.node_id)
                    }
                    ChangeMembershipError::EmptyMembership(_) => {
                        MembershipError::LastVoter(self.inner.options.id)
                    }
                    _ => MembershipError::InProgress,
                })
            }
            Err(error) => Err(propose_error(error).into()),
        }
    }
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

fn is_voter(metrics: &Metrics, id: u64) -> bool {
    let mut voters = metrics.membership_config.voter_ids();
    voters.any(|voter| voter == id)
}

fn matched(metrics: &Metrics, id: u64) -> Option<u64> {
    let replication = metrics.replication.as_ref()?;
    replication.get(&id)?.as_ref().map(|matched| matched.index)
}

fn has_caught_up(metrics: &Metrics, id: u64) -> bool {
    let last = metrics.last_log_index.unwrap_or(0);
    matched(metrics, id).is_some_and(|matched| matched + CAUGHT_UP_ENTRIES >= last)
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

impl<S: StateMachine, T: Transport> Consensus<S> for Openraft<S, T> {
    async fn propose(&self, command: S::Command) -> Result<S::Response, ProposeError> {
        let command = postcard::to_stdvec(&command)
            .map_err(|e| ProposeError::Stopped(format!("the command cannot be encoded: {e}")))?;
        // It is kept for long: without room to grow.
        let command = Bytes::from(command.into_boxed_slice());
        let Answer(answer) = self.write(Command(command)).await?;
        let answer = answer.and_then(|answer| answer.downcast().ok());
        answer.map(|answer| *answer).ok_or_else(|| {
            ProposeError::Stopped("a command was applied by another machine".to_owned())
        })
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
        if self
            .leading()?
            .membership_config
            .membership()
            .get_node(&id)
            .is_some()
        {
            return Err(MembershipError::Exists(id));
        }
        let member = Member {
            wants_vote: !is_learner,
            ..member
        };
        let change = ChangeMembers::AddNodes(BTreeMap::from([(id, member)]));
        self.change(change, true).await
    }

    async fn promote_member(&self, id: u64) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        let members = metrics.membership_config.membership();
        let member = members.get_node(&id).ok_or(MembershipError::NotFound(id))?;
        if is_voter(&metrics, id) || member.wants_vote {
            return Err(MembershipError::NotLearner(id));
        }
        if !has_caught_up(&metrics, id) {
            return Err(MembershipError::NotReady(id));
        }
        let change = ChangeMembers::AddVoterIds(BTreeSet::from([id]));
        self.change(change, true).await
    }

    async fn remove_member(&self, id: u64) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        let members = metrics.membership_config.membership();
        if members.get_node(&id).is_none() {
            return Err(MembershipError::NotFound(id));
        }
        let ids = BTreeSet::from([id]);
        if !is_voter(&metrics, id) {
            return self.change(ChangeMembers::RemoveNodes(ids), false).await;
        }
        if members.voter_ids().count() == 1 {
            return Err(MembershipError::LastVoter(id));
        }
        self.change(ChangeMembers::RemoveVoters(ids), false).await
    }

    async fn update_member(&self, id: u64, member: Member) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        let members = metrics.membership_config.membership();
        let known = members.get_node(&id).ok_or(MembershipError::NotFound(id))?;
        let member = Member {
            wants_vote: known.wants_vote,
            ..member
        };
        let change = ChangeMembers::SetNodes(BTreeMap::from([(id, member)]));
        self.change(change, true).await
    }

    async fn transfer_leader(&self, to: u64) -> Result<(), MembershipError> {
        let metrics = self.leading()?;
        if !is_voter(&metrics, to) {
            return Err(MembershipError::NotFound(to));
        }
        let mut leadership = self.leadership();
        let triggered = self.inner.raft.trigger().transfer_leader(to).await;
        triggered.map_err(|fatal| ProposeError::Stopped(stopped(&fatal)))?;
        let done = leadership.wait_for(|now| now.leader == Some(to));
        let timeout = self.inner.options.election_timeout * 3;
        match tokio::time::timeout(timeout, done).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(MembershipError::TransferTimedOut(to)),
        }
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
                leader: metrics.current_leader,
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
