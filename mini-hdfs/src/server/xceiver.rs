//! The data half of a DataNode: replicas written, read and copied over plain TCP (`DataXceiverServer`, `DataXceiver`).
//!
//! A thread for each connection, blocking, as in HDFS: a pipeline spends its time in `read`, `write` and `fsync`, and
//! there are few of them. A lock is held only to look something up or to note it, never while a disk works.
//!
//! Reading order: this file, what the rest of the DataNode sees of it; `connection.rs`, ops as they come; `reading.rs`; `dataset.rs`,
//! who may write a replica; `block_receiver.rs`, the pipeline; `transfer.rs`, copies; `recovery.rs`, blocks whose writer is gone;
//! `checksum.rs`, digests; `scanners.rs`, what reads and compares in the background; `trouble.rs`, volumes that fail;
//! `balancing.rs`, moves for the balancer.

mod balancing;
mod block_receiver;
mod checksum;
mod connection;
mod dataset;
mod reading;
mod recovery;
mod scanners;
mod transfer;
mod trouble;

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tracing::warn;

use super::clock::Clock;
use super::connector::Connector;
use super::data_transfer::OpReply;
use super::volumes::{OpenVolumes, VolumeStatus};
use crate::block::{Block, DatanodeId, DatanodeInfo};
use crate::datanode::Replica;
use crate::datanode::disk_stats::{DiskConfig, DiskStats};
use crate::datanode::peer_stats::{PeerConfig, PeerStats};
use crate::datanode::replica_map::ReplicaError;
use crate::datanode::scanner::ScanConfig;
use crate::datanode::volume_choice::ChoosingPolicy;
use crate::datanode::volumes::VolumeId;
use crate::protocol::{
    BlockEvent, BlockSynchronization, RecoveringBlock, ReportedReplica, SlowPeer,
};
use balancing::Balancing;
use connection::{Sockets, accept};
use dataset::Dataset;
pub use scanners::ScanStatus;
use scanners::Scanners;

/// Buffer for ops, acks and headers of packets; data passes it by.
const BUFFER: usize = 4096;
/// How long a failed writer may take to hear of it and close its connection.
const LINGER: Duration = Duration::from_secs(5);
/// How long connections may take to end when the server stops.
const STOP_MAX: Duration = Duration::from_secs(5);

/// What a data server can be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DataSettings {
    /// A peer that is silent for this long is gone; the others of a pipeline are given more time
    /// (`dfs.client.socket-timeout`).
    pub socket_timeout: Duration,
    /// A closed replica is on the disk before that is acknowledged (`dfs.datanode.synconclose`; off by default in
    /// HDFS).
    pub sync_on_close: bool,
    /// Ops at a time (`dfs.datanode.max.transfer.threads`).
    pub transfers_max: u32,
    /// Which volume a new replica goes to.
    pub choosing: ChoosingPolicy,
    /// How replicas are read in the background.
    pub scan: ScanConfig,
    /// How often it is saved how far that is (`dfs.block.scanner.cursor.save.interval.ms`).
    pub cursor_save_interval: Duration,
    /// How often the directories are compared with the replicas that are known (`dfs.datanode.directoryscan.interval`).
    pub directory_scan_interval: Duration,
    /// How slow peers are noticed.
    pub peers: PeerConfig,
    /// How slow disks are.
    pub disks: DiskConfig,
    /// Bytes in a second that move for the balancer, in and out together (`dfs.datanode.balance.bandwidthPerSec`).
    pub balance_bandwidth: u64,
    /// Such moves at a time (`dfs.datanode.balance.max.concurrent.moves`).
    pub balance_moves_max: u32,
}

impl Default for DataSettings {
    fn default() -> DataSettings {
        DataSettings {
            socket_timeout: Duration::from_secs(60),
            sync_on_close: true,
            transfers_max: 4096,
            choosing: ChoosingPolicy::default(),
            scan: ScanConfig::default(),
            cursor_save_interval: Duration::from_secs(10 * 60),
            directory_scan_interval: Duration::from_secs(6 * 60 * 60),
            peers: PeerConfig::default(),
            disks: DiskConfig::default(),
            balance_bandwidth: 100 << 20,
            balance_moves_max: 100,
        }
    }
}

/// Something that the NameNode must hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataEvent {
    /// A replica has changed.
    Replica(BlockEvent),
    /// A replica here does not match its checksums.
    Corrupt(Block),
    /// A volume has been taken out, and these replicas with it.
    VolumeFailed(Vec<Block>),
    /// More volumes have failed than are tolerated, which the text says: the DataNode is to end.
    TooManyVolumesFailed(String),
    /// A recovery of which this DataNode was the primary has ended.
    Recovered(BlockSynchronization),
}

/// What a data server has done since it started, and how it is, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataStatus {
    /// Each volume, failed ones included.
    pub volumes: Vec<VolumeStatus>,
    /// The background scan of each volume that had not failed at the start.
    pub scans: Vec<(VolumeId, ScanStatus)>,
    /// Bytes of replicas received, and sent.
    pub bytes_written: u64,
    /// See `bytes_written`.
    pub bytes_read: u64,
    /// Ops under way.
    pub transfers: u32,
    /// Average latency of peers, in microseconds, where enough is known.
    pub peers: Vec<SlowPeer>,
    /// Those of them that are slow.
    pub slow_peers: Vec<SlowPeer>,
    /// Average time of an operation on the disk of each volume, in microseconds, where enough is known.
    pub disks: BTreeMap<VolumeId, u64>,
    /// Those of them that are slow.
    pub slow_disks: BTreeMap<VolumeId, u64>,
}

/// Serves a DataNode's replicas. Dropping it closes all connections.
#[derive(Debug)]
pub struct DataServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<thread::JoinHandle<()>>,
    scanners: Scanners,
}

/// What all connections share.
struct Shared {
    id: DatanodeId,
    settings: DataSettings,
    connector: Connector,
    dataset: Dataset,
    on_event: Box<dyn Fn(DataEvent) + Send + Sync>,
    /// Ops under way.
    transfers: AtomicU32,
    bytes_written: AtomicU64,
    bytes_read: AtomicU64,
    clock: Clock,
    peers: Mutex<PeerStats>,
    disks: Mutex<DiskStats>,
    scan_board: scanners::Board,
    balancing: Balancing,
    stopping: AtomicBool,
    connections: Mutex<BTreeMap<u64, Arc<Sockets>>>,
    connection_ended: Condvar,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Locks; what a thread that panicked has left is as good as what a crash leaves.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl DataServer {
    /// Serves the replicas on `volumes` to whoever connects to `listener`, and scans them. `on_event` is called from
    /// the threads of connections, and should not block.
    ///
    /// # Errors
    /// When the listener has no address or no thread can be made.
    pub fn start(
        listener: TcpListener,
        volumes: OpenVolumes,
        connector: Connector,
        settings: DataSettings,
        on_event: impl Fn(DataEvent) + Send + Sync + 'static,
    ) -> io::Result<DataServer> {
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            id: volumes.id,
            settings,
            connector,
            dataset: Dataset::new(volumes, settings.choosing),
            on_event: Box::new(on_event),
            transfers: AtomicU32::new(0),
            bytes_written: AtomicU64::new(0),
            bytes_read: AtomicU64::new(0),
            clock: Clock::start(),
            peers: Mutex::new(PeerStats::new(settings.peers)),
            disks: Mutex::new(DiskStats::new(settings.disks)),
            scan_board: scanners::Board::default(),
            balancing: Balancing::new(settings.balance_bandwidth),
            stopping: AtomicBool::new(false),
            connections: Mutex::default(),
            connection_ended: Condvar::new(),
        });
        let accepting = shared.clone();
        let acceptor = thread::Builder::new()
            .name("acceptor".into())
            .spawn(move || accept(&accepting, &listener))?;
        let scanners = Scanners::start(&shared)?;
        Ok(DataServer {
            scanners,
            address,
            shared,
            acceptor: Some(acceptor),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What a full block report says.
    pub fn report(&self) -> Vec<ReportedReplica> {
        self.shared.dataset.report()
    }

    /// Each volume, failed ones included, with what room it has.
    pub fn volumes(&self) -> Vec<VolumeStatus> {
        self.shared.dataset.volumes()
    }

    /// Slow peers, when a report of them is due.
    pub fn slow_peers_to_report(&self) -> Vec<SlowPeer> {
        lock(&self.shared.peers).report(self.shared.clock.now())
    }

    /// Volumes whose disks are slow, with the average time of an operation in microseconds.
    pub fn slow_disks(&self) -> BTreeMap<VolumeId, u64> {
        lock(&self.shared.disks).slow(self.shared.clock.now())
    }

    /// Everything, for whoever watches.
    pub fn status(&self) -> DataStatus {
        let shared = &self.shared;
        let now = shared.clock.now();
        // Its lock is taken once more below.
        let disks = lock(&shared.disks).averages(now);
        let mut peers = lock(&shared.peers);
        let averages = peers.averages(now).into_iter();
        let averages = averages.map(|(node, latency_us)| SlowPeer { node, latency_us });
        DataStatus {
            volumes: shared.dataset.volumes(),
            scans: shared.scan_board.statuses(),
            bytes_written: shared.bytes_written.load(Ordering::Relaxed),
            bytes_read: shared.bytes_read.load(Ordering::Relaxed),
            transfers: self.transfers(),
            peers: averages.collect(),
            slow_peers: peers.slow(now),
            disks,
            slow_disks: self.slow_disks(),
        }
    }

    /// A volume gave an error outside of block data, as when its `VERSION` was written.
    pub fn volume_failed(&self, volume: VolumeId, reason: &str) {
        self.shared.fail_volume(volume, reason);
    }

    /// Ops under way (`xceiverCount`).
    pub fn transfers(&self) -> u32 {
        self.shared.transfers.load(Ordering::Relaxed)
    }

    /// Deletes replicas of these generations or older ones, and tells of each that is gone.
    ///
    /// They are forgotten before this returns, and only their files go in a thread of their own. Were it otherwise, a
    /// NameNode that has just restarted could be told of a replica that is about to go, and count on it.
    pub fn delete(&self, blocks: &[Block]) {
        let forget = |block: &Block| (*block, self.shared.dataset.forget(*block));
        let forgotten: Vec<_> = blocks.iter().map(forget).collect();
        let shared = self.shared.clone();
        let run = move || {
            for (block, forgotten) in forgotten {
                shared.delete_forgotten(block, forgotten);
            }
        };
        if let Err(e) = thread::Builder::new().name("delete".into()).spawn(run) {
            // Their files are found again at the next start, and the NameNode decides anew.
            warn!(
                "cannot delete the files of {} replicas: no thread: {e}",
                blocks.len()
            );
        }
    }

    /// Recovers a block, as its primary, in a thread of its own; what came of it is told as [`DataEvent::Recovered`].
    pub fn recover(&self, order: RecoveringBlock) {
        let shared = self.shared.clone();
        let block = order.block;
        let run = move || recovery::recover(&shared, order);
        if let Err(e) = thread::Builder::new().name("recover".into()).spawn(run) {
            warn!("cannot recover {block}: no thread: {e}");
        }
    }

    /// Sends a copy of a finalised replica to the first of `targets`, and through it to the others, in a thread
    /// of its own.
    pub fn transfer(&self, block: Block, targets: Vec<DatanodeInfo>) {
        let shared = self.shared.clone();
        let run = move || transfer::transfer(&shared, block, &targets);
        if let Err(e) = thread::Builder::new().name("transfer".into()).spawn(run) {
            warn!("cannot copy {block}: no thread: {e}");
        }
    }
}

impl Drop for DataServer {
    fn drop(&mut self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.scanners.stop(&self.shared);
        // The acceptor waits in `accept`: a connection wakes it.
        let woken = TcpStream::connect_timeout(&self.address, LINGER).is_ok();
        if let Some(acceptor) = self.acceptor.take().filter(|_| woken) {
            // It cannot fail but by a panic, which has been reported.
            let _ = acceptor.join();
        }
        let connections = lock(&self.shared.connections);
        connections.values().for_each(|sockets| sockets.close());
        // What is not ended by then ends with the process.
        let _ = self
            .shared
            .connection_ended
            .wait_timeout_while(connections, STOP_MAX, |left| !left.is_empty());
        // A thread that is about to end may hold on to the rest a moment longer.
        self.shared.dataset.unlock();
    }
}

impl Shared {
    /// For errors that travel: who says so.
    fn name(&self) -> String {
        format!("DataNode {}", self.id)
    }

    fn no(&self, error: &anyhow::Error) -> OpReply {
        OpReply::Refused {
            reason: format!("{}: {error:#}", self.name()),
            bad_link: None,
            no_replica: false,
        }
    }

    fn forget(&self, connection: u64) {
        lock(&self.connections).remove(&connection);
        self.connection_ended.notify_all();
    }

    fn tell(&self, event: BlockEvent) {
        (self.on_event)(DataEvent::Replica(event));
    }

    fn delete_forgotten(&self, block: Block, forgotten: Result<Replica, ReplicaError>) {
        let patience = self.settings.socket_timeout;
        match self.dataset.delete_forgotten(block, forgotten, patience) {
            Ok(()) => self.tell(BlockEvent::Deleted(block)),
            Err(e) => {
                warn!("cannot delete {block}: {e:#}");
                self.look_at_volume_of(&e);
            }
        }
    }
}
