//! A member: the engine over the replica of the server, whose leases and watchers it keeps as that does.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use node::{Disk, DiskError, Time};
use raft_kv::consensus::{Consensus, Member, Openraft, Options, Storage};
use raft_kv::server::clock::Clock;
use raft_kv::server::leases::Leases;
use raft_kv::server::replica::{Replica, Waits};
use raft_kv::server::watchers::Watchers;
use raft_kv::store::Store;
use raft_kv::watch::Limits;
use sim::SimDisk;
use turmoil::net::{TcpListener, TcpStream};

use crate::audit::Audit;
use crate::machine::Audited;
use crate::service::Service;
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
    /// How many watchers have heard all that happened.
    pub(crate) watchers_done: u64,
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
    /// How often it was set to a snapshot that came from elsewhere.
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

/// The engine of a simulated member.
pub(crate) type Engine = Openraft<Audited, Wire>;

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

/// As much as nobody here writes.
const QUOTA_BYTES: u64 = 1 << 30;

/// So few that watchers fall behind, and that large answers come in parts.
const LIMITS: Limits = Limits {
    waiting_max: 4,
    events_max: 3,
    fragment_bytes: 100,
};

/// Runs what lives on a host, until it is crashed.
pub(crate) async fn run(
    shared: Shared,
    host: u64,
    seed: u64,
    initial: Vec<u64>,
) -> turmoil::Result {
    let (id, life, disk, restored) = {
        let mut shared = shared.lock();
        let host = shared.hosts.entry(host).or_default();
        host.lives += 1;
        host.has_failed = false;
        (host.id, host.lives, host.disk.clone(), host.restored)
    };
    shared.trace(&format!("m{host} starts as {id}"));
    let storage = Storage::simulated(move || Box::new(disk.clone()));
    let waits = Arc::new(Waits::default());
    let leases = Arc::new(Leases::new(Clock::start_at(Time::ZERO)));
    let watchers = Arc::new(Watchers::new(LIMITS));
    let store = Store::new(QUOTA_BYTES);
    let replica = Replica::new(store, waits.clone(), leases.clone(), watchers.clone());
    let machine = Audited::new(host, id, shared.clone(), replica);
    let machine = Arc::new(RwLock::new(machine));
    let options = Options {
        heartbeat_interval: Duration::from_millis(50),
        election_timeout: Duration::from_millis(500),
        snapshot_entries: 60,
        catch_up_entries: 10,
        // What a partition loses is lost for good in the simulated network.
        snapshot_timeout: Duration::from_secs(2),
        segment_bytes: Some(4000),
        // Here all clocks run at the same rate.
        lease_reads: seed % 2 == 1,
        ..Options::new(1, id, seed ^ (host << 32) ^ life)
    };
    let started = Engine::start(options, storage, machine.clone(), Wire).await;
    // A snapshot that was there at its start was not received.
    shared.lock().hosts.entry(host).or_default().restored = restored;
    let engine = match started {
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
    let service = Service::new(id, engine.clone(), machine, waits, leases, watchers);
    tokio::spawn(service.clone().keep_leases());
    tokio::spawn(service.clone().keep_watchers());
    let peers = TcpListener::bind(("0.0.0.0", PEERS)).await?;
    let clients = TcpListener::bind(("0.0.0.0", CLIENTS)).await?;
    loop {
        tokio::select! {
            accepted = peers.accept() => {
                tokio::spawn(serve_peer(engine.clone(), accepted?.0));
            }
            accepted = clients.accept() => {
                tokio::spawn(service.clone().serve(accepted?.0));
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
