//! A member: the engine over the store, and a small protocol for clients.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use node::{Disk, DiskError};
use raft_kv::consensus::{
    Consensus, Member, MembershipError, Openraft, Options, ProposeError, Storage,
};
use raft_kv::state_machine::StateMachine;
use raft_kv::store::{Command, KeyRange, PutRequest, RangeRequest, Response, Snapshot, Store};
use serde::{Deserialize, Serialize};
use sim::SimDisk;
use turmoil::net::{TcpListener, TcpStream};

use crate::audit::Audit;
use crate::wire::{self, CLIENTS, PEERS, Wire};

/// What hosts, clients and the world share, outside of the simulated network.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<Outside>>);

/// What they share.
#[derive(Default)]
pub(crate) struct Outside {
    pub(crate) audit: Audit,
    /// How often members were changed.
    pub(crate) changes: u64,
    /// By the number of the host.
    pub(crate) hosts: BTreeMap<u64, Host>,
}

/// A host, whatever runs on it.
#[derive(Clone, Default)]
pub(crate) struct Host {
    pub(crate) disk: SharedDisk,
    /// The member that lives there; another one after the disk was wiped.
    pub(crate) id: u64,
    /// How often it was started.
    pub(crate) lives: u64,
    /// Its engine has given up, and waits to be ended.
    pub(crate) has_failed: bool,
    /// The member that lives there is one no more.
    pub(crate) is_removed: bool,
    /// How often it was set to a snapshot that came from elsewhere or was there at its start.
    pub(crate) restored: u64,
}

impl Shared {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Outside> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A member cannot go on, which only its disk's end excuses.
    fn gave_up(&self, host: u64, reason: &str) {
        let mut outside = self.lock();
        if !reason.contains("has crashed") {
            outside.audit.violated(format!("m{host} gave up: {reason}"));
        }
        outside.hosts.entry(host).or_default().has_failed = true;
    }

    pub(crate) fn trace(&self, line: &str) {
        let at = turmoil::sim_elapsed().unwrap_or_default().as_millis();
        self.lock().audit.trace.push(format!("{at} {line}"));
    }
}

/// A disk that outlives its host's programs.
#[derive(Clone, Default)]
pub(crate) struct SharedDisk(pub(crate) Arc<Mutex<SimDisk>>);

impl SharedDisk {
    pub(crate) fn lock(&self) -> MutexGuard<'_, SimDisk> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for SharedDisk {
    fn write_at(&mut self, file: &str, offset: u64, bytes: &[u8]) -> Result<(), DiskError> {
        self.lock().write_at(file, offset, bytes)
    }

    fn truncate(&mut self, file: &str, len: u64) -> Result<(), DiskError> {
        self.lock().truncate(file, len)
    }

    fn read_at(&self, file: &str, offset: u64, len: usize) -> Result<Vec<u8>, DiskError> {
        self.lock().read_at(file, offset, len)
    }

    fn len(&self, file: &str) -> Result<u64, DiskError> {
        self.lock().len(file)
    }

    fn sync(&mut self, file: &str) -> Result<(), DiskError> {
        self.lock().sync(file)
    }

    fn rename(&mut self, from: &str, to: &str) -> Result<(), DiskError> {
        self.lock().rename(from, to)
    }

    fn remove(&mut self, file: &str) -> Result<(), DiskError> {
        self.lock().remove(file)
    }

    fn list(&self, dir: &str) -> Result<Vec<String>, DiskError> {
        self.lock().list(dir)
    }

    fn sync_dir(&mut self, dir: &str) -> Result<(), DiskError> {
        self.lock().sync_dir(dir)
    }
}

/// Behind each command whose index this divides, members' stores are compared.
const HASH_EVERY: u64 = 16;

/// The store, watched while it applies.
struct Audited {
    host: u64,
    id: u64,
    shared: Shared,
    store: Store,
}

impl StateMachine for Audited {
    type Command = Command;
    type Response = Response;
    type Snapshot = Snapshot;

    fn apply(&mut self, index: u64, command: Command) -> Response {
        let encoded = postcard::to_stdvec(&command).unwrap();
        let before = self.store.revision();
        let response = self.store.apply(index, command);
        self.store.take_events();
        let revisions = (before, self.store.revision());
        // It is over all that was ever written, so what differs at one index differs at the next that is looked at.
        let is_hashed = index.is_multiple_of(HASH_EVERY);
        let hash = is_hashed.then(|| self.store.hash());
        let mut shared = self.shared.lock();
        let audit = &mut shared.audit;
        audit.applies(self.id, index, &encoded, revisions, hash);
        response
    }

    fn begin_snapshot(&self) -> Snapshot {
        self.store.begin_snapshot()
    }

    fn next_chunk(&self, snapshot: &mut Snapshot) -> Option<Vec<u8>> {
        self.store.next_chunk(snapshot)
    }

    fn restore(
        &mut self,
        chunks: &mut dyn Iterator<Item = Result<Vec<u8>, String>>,
    ) -> Result<(), String> {
        let restored = self.store.restore(chunks);
        if let Some(host) = self.shared.lock().hosts.get_mut(&self.host) {
            host.restored += 1;
        }
        restored.map_err(|e| e.to_string())
    }
}

/// What a client may ask of a member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Ask {
    Put { key: String, value: String },
    Get { key: String },
    Add { host: u64, id: u64 },
    Remove { id: u64 },
    Transfer { to: u64 },
    Members,
}

/// What it answers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Told {
    Done,
    Value(Option<String>),
    /// The ids of those with a vote, and of all.
    Members(Vec<u64>, Vec<u64>),
    /// It had no effect, and never will have.
    Refused(String),
    /// It may have.
    Unknown,
}

type Engine = Openraft<Audited, Wire>;

/// The name of a host.
pub(crate) fn name(host: u64) -> String {
    format!("m{host}")
}

pub(crate) fn member(host: u64) -> Member {
    Member {
        peer_urls: vec![name(host)],
        ..Member::default()
    }
}

/// Runs what lives on a host, until it is crashed.
pub(crate) async fn run(
    shared: Shared,
    host: u64,
    seed: u64,
    initial: Vec<u64>,
) -> turmoil::Result {
    let (id, life, disk) = {
        let mut shared = shared.lock();
        let host = shared.hosts.entry(host).or_default();
        host.lives += 1;
        host.has_failed = false;
        (host.id, host.lives, host.disk.clone())
    };
    shared.trace(&format!("m{host} starts as {id}"));
    let storage = Storage::simulated(move || Box::new(disk.clone()));
    let machine = Arc::new(RwLock::new(Audited {
        host,
        id,
        shared: shared.clone(),
        store: Store::new(0),
    }));
    let options = Options {
        heartbeat_interval: Duration::from_millis(50),
        election_timeout: Duration::from_millis(500),
        snapshot_entries: 60,
        catch_up_entries: 10,
        // What a partition loses is lost for good in the simulated network.
        snapshot_timeout: Duration::from_secs(2),
        segment_bytes: Some(4000),
        ..Options::new(1, id, seed ^ (host << 32) ^ life)
    };
    let engine = match Engine::start(options, storage, machine.clone(), Wire).await {
        Ok(engine) => engine,
        Err(error) => {
            // The fuse of its disk, or a loss that must not be.
            shared.trace(&format!("m{host} does not start: {error}"));
            shared.gave_up(host, &error.to_string());
            return std::future::pending().await;
        }
    };
    if initial.contains(&id) {
        let members = initial.iter().map(|id| (*id, member(*id)));
        // It may fail with its disk; then the host is ended.
        if let Err(error) = engine.bootstrap(members.collect()).await {
            shared.trace(&format!("m{host} does not begin: {error}"));
        }
    }
    tokio::spawn(watch(shared.clone(), engine.clone(), host));
    let peers = TcpListener::bind(("0.0.0.0", PEERS)).await?;
    let clients = TcpListener::bind(("0.0.0.0", CLIENTS)).await?;
    loop {
        tokio::select! {
            accepted = peers.accept() => {
                tokio::spawn(serve_peer(engine.clone(), accepted?.0));
            }
            accepted = clients.accept() => {
                tokio::spawn(serve_client(engine.clone(), machine.clone(), accepted?.0));
            }
        }
    }
}

/// Tells the audit whom this member takes for the leader, and when it gives up.
async fn watch(shared: Shared, engine: Engine, host: u64) {
    let mut leadership = engine.leadership();
    loop {
        let now = *leadership.borrow_and_update();
        if let Some(leader) = now.leader {
            shared.trace(&format!("m{host} follows {leader} in term {}", now.term));
            shared.lock().audit.leads(now.term, leader);
        }
        tokio::select! {
            changed = leadership.changed() => if changed.is_err() { return },
            reason = engine.failed() => {
                shared.trace(&format!("m{host} gives up: {reason}"));
                shared.gave_up(host, &reason);
                return;
            }
        }
    }
}

async fn serve_peer(engine: Engine, mut stream: TcpStream) {
    if let Ok(message) = wire::receive(&mut stream).await {
        let answer = engine.handle(&message).await;
        // Whoever asked may be gone.
        let _ = wire::send(&mut stream, &answer).await;
    }
}

async fn serve_client(engine: Engine, machine: Arc<RwLock<Audited>>, mut stream: TcpStream) {
    let Ok(frame) = wire::receive(&mut stream).await else {
        return;
    };
    let told = answer(&engine, &machine, postcard::from_bytes(&frame).unwrap()).await;
    let _ = wire::send(&mut stream, &postcard::to_stdvec(&told).unwrap()).await;
}

async fn answer(engine: &Engine, machine: &RwLock<Audited>, ask: Ask) -> Told {
    let changed = |changed: Result<(), MembershipError>| match changed {
        Ok(()) => Told::Done,
        Err(MembershipError::Propose(ProposeError::Unknown)) => Told::Unknown,
        Err(error) => Told::Refused(error.to_string()),
    };
    match ask {
        Ask::Put { key, value } => {
            let put = PutRequest {
                key: key.as_bytes().into(),
                value: value.as_bytes().into(),
                ..PutRequest::default()
            };
            match engine.propose(Command::Put(put)).await {
                Ok(Ok(_)) => Told::Done,
                Ok(Err(error)) => Told::Refused(error.to_string()),
                Err(error @ ProposeError::NotLeader { .. }) => Told::Refused(error.to_string()),
                Err(_) => Told::Unknown,
            }
        }
        Ask::Get { key } => match engine.read_index().await {
            Ok(_) => {
                let request = RangeRequest {
                    range: KeyRange::single(key.as_bytes()),
                    ..RangeRequest::default()
                };
                let machine = machine.read().unwrap();
                let found = machine.store.range(&request).unwrap();
                let value = found
                    .kvs
                    .first()
                    .map(|kv| String::from_utf8_lossy(&kv.value).into_owned());
                Told::Value(value)
            }
            Err(error) => Told::Refused(error.to_string()),
        },
        Ask::Add { host, id } => changed(engine.add_member(id, member(host), false).await),
        Ask::Remove { id } => changed(engine.remove_member(id).await),
        Ask::Transfer { to } => changed(engine.transfer_leader(to).await),
        Ask::Members => {
            let status = engine.status();
            if status.leadership.leader != Some(status.id) {
                return Told::Refused("it does not lead".to_owned());
            }
            let all = status.members.keys().copied().collect();
            let voters = status.members.iter().filter(|(_, member)| member.has_vote);
            Told::Members(voters.map(|(id, _)| *id).collect(), all)
        }
    }
}
