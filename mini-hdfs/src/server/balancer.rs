//! The balancer as a program (`Balancer`, `Dispatcher`): asks the NameNode who is how full, decides with
//! [`crate::balancer`], lets DataNodes fetch replicas from each other, and begins again until nothing is left to do.
//!
//! Only one runs at a time: it keeps `/system/balancer.id` open for writing, and a file has one writer.

mod dispatcher;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::thread;
use std::time::{Duration, Instant};

use crate::balancer::{Class, Move, Node, Pair, Utilisation, choose_moves, pair_up};
use crate::block::{BlockId, DatanodeId, DatanodeInfo};
use crate::error::FsError;
use crate::protocol::{AdminState, DatanodeReport, DatanodeState};
use crate::server::dfs_client::{CreateOptions, DfsClient, DfsError, DfsOutputStream};
use crate::server::settings::{SettingError, Settings};

/// Kept open while a balancer runs.
pub const ID_PATH: &str = "/system/balancer.id";

/// What the balancer can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BalancerSettings {
    /// How far a DataNode may be from the average, in percent of its capacity (`-threshold`).
    pub threshold: f64,
    /// Iterations in a row that move nothing, after which it gives up (`-idleiterations`).
    pub idle_iterations: u32,
    /// Bytes moved from or to one DataNode in an iteration (`dfs.balancer.max-size-to-move`).
    pub max_size_to_move: u64,
    /// Blocks of a DataNode that it asks for at a time, in bytes (`dfs.balancer.getBlocks.size`).
    pub get_blocks_size: u64,
    /// Smaller blocks are not moved (`dfs.balancer.getBlocks.min-block-size`).
    pub min_block_size: u64,
    /// Moves in which a DataNode takes part at a time (`dfs.datanode.balance.max.concurrent.moves`).
    pub concurrent_moves: usize,
    /// Between iterations, so that heartbeats and the NameNode's work come up with what has changed: two heartbeats and one round
    /// of the NameNode.
    pub pause: Duration,
}

impl Default for BalancerSettings {
    fn default() -> BalancerSettings {
        BalancerSettings {
            threshold: 10.0,
            idle_iterations: 5,
            max_size_to_move: 10 << 30,
            get_blocks_size: 2 << 30,
            min_block_size: 10 << 20,
            concurrent_moves: 100,
            pause: Duration::from_secs(9),
        }
    }
}

impl BalancerSettings {
    /// With what `-D KEY=VALUE` says.
    ///
    /// # Errors
    /// When a number is out of its range.
    pub fn with(self, settings: &Settings) -> Result<BalancerSettings, SettingError> {
        let heartbeat = settings.duration("dfs.heartbeat.interval", Duration::from_secs(3));
        let round = settings.duration(
            "dfs.namenode.redundancy.interval.seconds",
            Duration::from_secs(3),
        );
        Ok(BalancerSettings {
            max_size_to_move: settings
                .number("dfs.balancer.max-size-to-move", self.max_size_to_move)?,
            get_blocks_size: settings
                .number("dfs.balancer.getBlocks.size", self.get_blocks_size)?,
            min_block_size: settings
                .number("dfs.balancer.getBlocks.min-block-size", self.min_block_size)?,
            concurrent_moves: settings.number(
                "dfs.datanode.balance.max.concurrent.moves",
                self.concurrent_moves,
            )?,
            pause: 2 * heartbeat + round,
            ..self
        })
    }
}

/// How the balancer ended (`ExitStatus`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// The cluster is balanced.
    Success,
    /// Another one runs.
    AlreadyRunning,
    /// It is not balanced, and there is nobody who could give or take.
    NoMoveBlock,
    /// For some iterations nothing was moved.
    NoMoveProgress,
}

impl ExitStatus {
    /// The process's exit code: HDFS's are negative, and a shell sees the last eight bits.
    pub fn code(self) -> u8 {
        match self {
            ExitStatus::Success => 0,
            ExitStatus::AlreadyRunning => 255,
            ExitStatus::NoMoveBlock => 254,
            ExitStatus::NoMoveProgress => 253,
        }
    }
}

/// What one iteration has found and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Iteration {
    /// Its number, from 0.
    pub number: u32,
    /// Bytes moved by those before.
    pub moved_before: u64,
    /// Bytes to be moved until the cluster is balanced.
    pub left: u64,
    /// Bytes that this iteration would move if there were a block for each.
    pub moving: u64,
}

/// Runs the balancer until it ends. `tell` hears of each iteration when its moves begin.
///
/// # Errors
/// When the NameNode does not answer, or refuses.
pub fn run(
    client: &DfsClient,
    settings: &BalancerSettings,
    mut tell: impl FnMut(&Iteration) -> std::io::Result<()>,
) -> Result<ExitStatus, DfsError> {
    let id_file = match mark_running(client) {
        Ok(file) => file,
        Err(e) if is_written_by_another(&e) => return Ok(ExitStatus::AlreadyRunning),
        Err(e) => return Err(e),
    };
    let ended = balance(client, settings, &id_file, &mut tell);
    // Where one of these fails, whoever comes next deletes it, once the lease has expired.
    if let Ok(true) = is_marked_by(client, &id_file) {
        let _ = client.delete(ID_PATH, false);
    }
    drop(id_file);
    ended
}

/// Whether `file` still is what stands at [`ID_PATH`]: two that begin after a third has died may both find its file closed, and the
/// second then deletes not that one but the first's.
fn is_marked_by(client: &DfsClient, file: &DfsOutputStream) -> Result<bool, DfsError> {
    let there = client.stat(ID_PATH)?;
    Ok(there.is_some_and(|there| there.inode == file.inode()))
}

fn is_written_by_another(error: &DfsError) -> bool {
    matches!(error.refusal(), Some(FsError::AlreadyBeingCreated { .. }))
}

/// Opens the file, and writes into it where this is. It must not be overwritten: that would take it from whoever writes it.
/// What a balancer that died has left is deleted once its lease has been recovered.
fn mark_running(client: &DfsClient) -> Result<DfsOutputStream, DfsError> {
    let create = || client.create(ID_PATH, CreateOptions::default());
    let mut file = match create() {
        Err(e) if matches!(e.refusal(), Some(FsError::FileAlreadyExists(_))) => {
            client.delete(ID_PATH, false)?;
            create()?
        }
        created => created?,
    };
    writeln!(file, "{}", crate::server::hostname()).map_err(|e| DfsError::Local(e.to_string()))?;
    file.hflush()?;
    Ok(file)
}

fn balance(
    client: &DfsClient,
    settings: &BalancerSettings,
    id_file: &DfsOutputStream,
    tell: &mut dyn FnMut(&Iteration) -> std::io::Result<()>,
) -> Result<ExitStatus, DfsError> {
    let (mut moved, mut idle, mut done) = (BTreeSet::new(), 0, 0);
    for number in 0.. {
        if !is_marked_by(client, id_file)? {
            return Ok(ExitStatus::AlreadyRunning);
        }
        let cluster = Cluster::new(client.datanode_report()?);
        let utilisation = Utilisation::new(&cluster.nodes, settings.threshold);
        let mut iteration = Iteration {
            number,
            moved_before: done,
            left: utilisation.bytes_left(&cluster.nodes),
            moving: 0,
        };
        let is_even = |node: &Node| {
            let class = utilisation.class(node);
            class == Class::AboveAverage || class == Class::BelowAverage
        };
        let balanced = cluster.nodes.iter().all(is_even);
        let pairs = if balanced {
            Vec::new()
        } else {
            pair_up(&cluster.nodes, &utilisation, settings.max_size_to_move)
        };
        iteration.moving = pairs.iter().map(|pair| pair.bytes).sum();
        // Whoever reads our output has gone away: that is no reason to leave things half done.
        let _ = tell(&iteration);
        if balanced {
            return Ok(ExitStatus::Success);
        }
        if pairs.is_empty() {
            return Ok(ExitStatus::NoMoveBlock);
        }
        let moves = choose(client, settings, &cluster, &pairs, &moved)?;
        let moving: BTreeSet<BlockId> = moves.iter().map(|m| m.block.id).collect();
        let bytes = dispatcher::dispatch(client.settings(), settings, &cluster.infos, moves);
        moved.extend(moving);
        done += bytes;
        idle = if bytes == 0 { idle + 1 } else { 0 };
        if idle >= settings.idle_iterations {
            return Ok(ExitStatus::NoMoveProgress);
        }
        thread::sleep(settings.pause);
        // Replicas whose move failed, or that should move once more, have their turn again.
        if bytes == 0 {
            moved.clear();
        }
    }
    Ok(ExitStatus::NoMoveProgress)
}

/// The DataNodes in service.
struct Cluster {
    nodes: Vec<Node>,
    by_id: BTreeMap<DatanodeId, Node>,
    infos: BTreeMap<DatanodeId, DatanodeInfo>,
}

impl Cluster {
    fn new(reports: Vec<DatanodeReport>) -> Cluster {
        let takes_part = |report: &DatanodeReport| {
            report.state != DatanodeState::Dead
                && report.admin == AdminState::Normal
                && report.heartbeat.capacity > 0
        };
        let reports: Vec<DatanodeReport> = reports.into_iter().filter(takes_part).collect();
        let node = |report: &DatanodeReport| Node {
            id: report.info.id,
            hostname: report.info.hostname.clone(),
            rack: report.info.rack.clone(),
            capacity: report.heartbeat.capacity,
            used: report.heartbeat.dfs_used,
            remaining: report.heartbeat.remaining,
        };
        let nodes: Vec<Node> = reports.iter().map(node).collect();
        Cluster {
            by_id: nodes.iter().map(|node| (node.id, node.clone())).collect(),
            nodes,
            infos: reports.into_iter().map(|r| (r.info.id, r.info)).collect(),
        }
    }
}

/// The moves of one iteration.
fn choose(
    client: &DfsClient,
    settings: &BalancerSettings,
    cluster: &Cluster,
    pairs: &[Pair],
    moved: &BTreeSet<BlockId>,
) -> Result<Vec<Move>, DfsError> {
    let mut chosen = moved.clone();
    let mut moves = Vec::new();
    for pair in pairs {
        let size = settings.get_blocks_size.min(pair.bytes.saturating_mul(2));
        let blocks = client.get_blocks(pair.source, size, settings.min_block_size)?;
        let of_pair = choose_moves(pair, &blocks, &cluster.by_id, &chosen);
        chosen.extend(of_pair.iter().map(|m| m.block.id));
        moves.extend(of_pair);
    }
    Ok(moves)
}

/// `Balancing took 1.5 minutes`, as HDFS says it.
pub fn took(began: Instant) -> String {
    let seconds = began.elapsed().as_secs_f64();
    let (number, unit) = match seconds {
        s if s < 60.0 => (s, "seconds"),
        s if s < 3600.0 => (s / 60.0, "minutes"),
        s => (s / 3600.0, "hours"),
    };
    format!("Balancing took {number:.1} {unit}")
}
