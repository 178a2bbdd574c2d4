//! The data half of a DataNode: replicas written, read and copied over plain TCP (`DataXceiverServer`, `DataXceiver`).
//!
//! A thread for each connection, blocking, as in HDFS: a pipeline spends its time in `read`, `write` and `fsync`, and
//! there are few of them. A lock is held only to look something up or to note it, never while a disk works.
//!
//! Reading order: this file, connections and reading; `dataset.rs`, who may write a replica; `block_receiver.rs`, the
//! pipeline; `transfer.rs`, copies; `recovery.rs`, blocks whose writer is gone; `checksum.rs`, digests; `scanners.rs`, what
//! reads and compares in the background; `trouble.rs`, volumes that fail; `balancing.rs`, moves for the balancer.

mod balancing;
mod block_receiver;
mod checksum;
mod dataset;
mod recovery;
mod scanners;
mod transfer;
mod trouble;

use std::collections::BTreeMap;
use std::io::{self, BufReader, ErrorKind, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use node::FileDisk;
use tracing::{Span, debug, info_span, warn};

use super::clock::Clock;
use super::connector::Connector;
use super::data_transfer::{
    Op, OpReply, ReadBlock, receive_op, send_data, send_packet, send_replica, send_reply,
};
use super::trace;
use super::volumes::{OpenVolumes, VolumeStatus};
use crate::block::{Block, DatanodeId, DatanodeInfo};
use crate::datanode::block_file::Chunks;
use crate::datanode::disk_stats::{DiskConfig, DiskStats};
use crate::datanode::peer_stats::{PeerConfig, PeerStats};
use crate::datanode::replica_map::ReplicaError;
use crate::datanode::scanner::ScanConfig;
use crate::datanode::volume_choice::ChoosingPolicy;
use crate::datanode::volumes::VolumeId;
use crate::datanode::{Replica, replica_writer};
use crate::packet::{BYTES_PER_CHECKSUM, PACKET_DATA_MAX, Packet};
use crate::protocol::{
    BlockEvent, BlockSynchronization, RecoveringBlock, ReportedReplica, SlowPeer,
};
use balancing::Balancing;
use dataset::Dataset;
pub use scanners::ScanStatus;
use scanners::Scanners;
use trouble::read_suspecting;

/// Bytes read from the disk at a time; they leave as several packets.
const READ_AHEAD: usize = 8 * PACKET_DATA_MAX;
/// Buffer for ops, acks and headers of packets; data passes it by.
const BUFFER: usize = 4096;
/// How long a connection is kept open for the next op (`dfs.datanode.socket.reuse.keepalive`).
const KEEP_ALIVE: Duration = Duration::from_secs(4);
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

/// The sockets that a connection uses, so that another thread can end it.
#[derive(Debug)]
struct Sockets(Mutex<Option<Vec<TcpStream>>>);

impl Sockets {
    fn add(&self, socket: &TcpStream) -> io::Result<()> {
        let socket = socket.try_clone()?;
        match lock(&self.0).as_mut() {
            Some(open) => open.push(socket),
            None => return Err(io::Error::other("the connection is being closed")),
        }
        Ok(())
    }

    fn close(&self) {
        for socket in lock(&self.0).take().unwrap_or_default() {
            // It may be closed already.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }
}

/// A connection to whoever asks.
struct Upstream {
    reader: BufReader<TcpStream>,
    socket: TcpStream,
    peer: SocketAddr,
    sockets: Arc<Sockets>,
}

fn accept(shared: &Arc<Shared>, listener: &TcpListener) {
    for number in 0.. {
        let accepted = listener.accept();
        if shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(e) => {
                warn!("cannot accept a connection: {e}");
                // Too many open files, most likely: some must be closed first.
                thread::sleep(Duration::from_millis(50));
                continue;
            }
        };
        let sockets = Arc::new(Sockets(Mutex::new(Some(Vec::new()))));
        lock(&shared.connections).insert(number, sockets.clone());
        let serving = shared.clone();
        let run = move || {
            if let Err(e) = serve(&serving, socket, peer, &sockets) {
                debug!("connection from {peer}: {e:#}");
            }
            serving.forget(number);
        };
        if let Err(e) = thread::Builder::new().name("xceiver".into()).spawn(run) {
            warn!("cannot serve {peer}: no thread: {e}");
            shared.forget(number);
        }
    }
}

fn serve(
    shared: &Shared,
    socket: TcpStream,
    peer: SocketAddr,
    sockets: &Arc<Sockets>,
) -> Result<()> {
    sockets.add(&socket)?;
    socket.set_nodelay(true)?;
    socket.set_write_timeout(Some(shared.settings.socket_timeout))?;
    let mut up = Upstream {
        reader: BufReader::with_capacity(BUFFER, socket.try_clone()?),
        socket,
        peer,
        sockets: sockets.clone(),
    };
    up.socket
        .set_read_timeout(Some(shared.settings.socket_timeout))?;
    loop {
        let (op, span) = match receive_op(&mut up.reader) {
            Ok(Some((op, traceparent))) => {
                let span = span_of(shared, &op, &traceparent);
                (op, span)
            }
            Ok(None) => return Ok(()),
            Err(e) => {
                if e.kind() == ErrorKind::InvalidData {
                    refuse(&mut up, e.to_string(), None)?;
                    drain(&mut up)?;
                }
                return Err(e.into());
            }
        };
        let Some(_busy) = Transferring::begin(shared) else {
            let reason = format!("{} is too busy", shared.name());
            refuse(&mut up, reason, None)?;
            continue;
        };
        up.socket
            .set_read_timeout(Some(shared.settings.socket_timeout))?;
        let _entered = span.entered();
        match op {
            Op::Write(op) => return block_receiver::receive_block(shared, &mut up, op),
            Op::Read(op) => serve_read(shared, &mut up, &op)?,
            Op::InitRecovery { id, recovery_id } => match shared.init_recovery(id, recovery_id) {
                Ok(replica) => send_replica(&mut up.socket, replica)?,
                Err(e) => send_reply(&mut up.socket, &shared.no(&e))?,
            },
            Op::UpdateRecovered {
                id,
                recovery_id,
                len,
            } => {
                let updated = shared.update_recovered(id, recovery_id, len);
                let reply = updated.map(|()| OpReply::Success { visible_len: len });
                send_reply(&mut up.socket, &reply.unwrap_or_else(|e| shared.no(&e)))?;
            }
            Op::Replace(op) => return balancing::replace(shared, &mut up, &op),
            Op::Copy(op) => return balancing::copy(shared, &mut up, op),
            Op::Checksum(block) => checksum::serve(shared, &mut up, block)?,
            Op::Transfer(op) => transfer::serve(shared, &mut up, &op)?,
        }
        up.socket.set_read_timeout(Some(KEEP_ALIVE))?;
    }
}

/// The span of an op that belongs to a trace.
fn span_of(shared: &Shared, op: &Op, traceparent: &str) -> Span {
    if traceparent.is_empty() {
        return Span::none();
    }
    let (name, block) = match op {
        Op::Write(op) => ("WriteBlock", op.block.to_string()),
        Op::Read(op) => ("ReadBlock", op.block.to_string()),
        Op::Checksum(block) => ("BlockChecksum", block.to_string()),
        Op::InitRecovery { id, .. } => ("InitReplicaRecovery", id.to_string()),
        Op::UpdateRecovered { id, .. } => ("UpdateReplicaUnderRecovery", id.to_string()),
        Op::Replace(op) => ("ReplaceBlock", op.block.to_string()),
        Op::Copy(op) => ("CopyBlock", op.block.to_string()),
        Op::Transfer(op) => ("TransferBlock", op.block.to_string()),
    };
    let span =
        info_span!("op", otel.name = name, otel.kind = "server", datanode = %shared.id, %block);
    trace::continued(span, traceparent)
}

fn refuse(up: &mut Upstream, reason: String, bad_link: Option<DatanodeId>) -> io::Result<()> {
    debug!("refused {}: {reason}", up.peer);
    let reply = OpReply::Refused {
        reason,
        bad_link,
        no_replica: false,
    };
    send_reply(&mut up.socket, &reply)
}

/// Counts an op while it is under way.
struct Transferring<'a>(&'a Shared);

impl Transferring<'_> {
    /// None where there are as many as may be.
    fn begin(shared: &Shared) -> Option<Transferring<'_>> {
        let before = shared.transfers.fetch_add(1, Ordering::Relaxed);
        let counted = Transferring(shared);
        (before < shared.settings.transfers_max).then_some(counted)
    }
}

impl Drop for Transferring<'_> {
    fn drop(&mut self) {
        self.0.transfers.fetch_sub(1, Ordering::Relaxed);
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

/// Sends a range of a replica.
fn serve_read(shared: &Shared, up: &mut Upstream, op: &ReadBlock) -> Result<()> {
    let found = shared.dataset.readable(op.block).and_then(|replica| {
        let disk = shared.dataset.disk(replica.volume)?;
        let end = op.offset.saturating_add(op.len).min(replica.block.len);
        let first = read_suspecting(shared, &disk, &replica, op.offset, end)?;
        Ok((replica, disk, end, first))
    });
    let (replica, disk, end, mut chunks) = match found {
        Ok(found) => found,
        Err(e) => {
            let reply = OpReply::Refused {
                reason: format!("{}: {e:#}", shared.name()),
                bad_link: None,
                no_replica: matches!(e.downcast_ref(), Some(ReplicaError::NotFound(_))),
            };
            return Ok(send_reply(&mut up.socket, &reply)?);
        }
    };
    let visible_len = replica.block.len;
    send_reply(&mut up.socket, &OpReply::Success { visible_len })?;
    let (mut seqno, mut at) = (0, chunks.offset);
    loop {
        for piece in pieces(&chunks) {
            send_data(&mut up.socket, seqno, at, piece.1, piece.0)?;
            seqno += 1;
            at += piece.0.len() as u64;
            let sent = piece.0.len() as u64;
            shared.bytes_read.fetch_add(sent, Ordering::Relaxed);
        }
        if at >= end {
            break;
        }
        chunks = read_suspecting(shared, &disk, &replica, at, end)?;
    }
    let mut last = Packet::new(seqno, at, Vec::new());
    last.last = true;
    Ok(send_packet(&mut up.socket, &last)?)
}

/// Reads some chunks from that at `offset` on, to `end` at most but for the rest of its chunk.
fn read_ahead(disk: &FileDisk, replica: &Replica, offset: u64, end: u64) -> Result<Chunks> {
    let len = end.saturating_sub(offset).min(READ_AHEAD as u64);
    let chunks = replica_writer::read(disk, replica, offset, len)?;
    ensure!(
        !(chunks.data.is_empty() && len > 0)
            && chunks.checksums.len() == chunks.data.len().div_ceil(BYTES_PER_CHECKSUM),
        "{}: the files of the replica are shorter than they were",
        replica.block
    );
    Ok(chunks)
}

/// The data and checksums of a packet each.
fn pieces(chunks: &Chunks) -> impl Iterator<Item = (&[u8], &[u32])> {
    let data = chunks.data.chunks(PACKET_DATA_MAX);
    data.zip(
        chunks
            .checksums
            .chunks(PACKET_DATA_MAX / BYTES_PER_CHECKSUM),
    )
}

/// Reads what still comes until the other side closes, for a while: if we closed first, with bytes unread, it might never
/// see our last words.
fn drain(up: &mut Upstream) -> Result<()> {
    up.socket.shutdown(Shutdown::Write).context("closing")?;
    up.socket.set_read_timeout(Some(LINGER))?;
    let (began, mut unread) = (Instant::now(), [0; BUFFER]);
    while began.elapsed() < LINGER && up.reader.read(&mut unread).is_ok_and(|read| read > 0) {}
    Ok(())
}
