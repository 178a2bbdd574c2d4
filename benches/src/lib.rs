//! What the benches share: their sizes, and NameNodes full of files and blocks to measure with.
//!
//! `cargo bench` measures at full size. `cargo test --benches`, and `cargo bench -- --test`, run everything once on a
//! small one, to see that it still works. Either way an environment variable has the last word: see [`size`].

pub mod hdfs;
pub mod machine;
pub mod mapreduce;
pub mod processes;
pub mod raft;

use std::env;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use mini_hdfs::block::{Block, DatanodeId, DatanodeInfo, InodeId, ReplicaState};
use mini_hdfs::namenode::block_manager::BlockManager;
use mini_hdfs::namenode::blocks::{BlockState, BlocksMap};
use mini_hdfs::namenode::{Config, NameNode};
use mini_hdfs::protocol::{
    BlockEvent, Command, CreateRequest, Heartbeat, Permission, RegistrationId, ReportedReplica,
};
use node::{MemDisk, Rng, Time};
use tempfile::TempDir;

/// Files in each directory that [`files`] makes.
pub const FILES_PER_DIRECTORY: u64 = 1000;

const FIRST_BLOCK: u64 = (1 << 30) + 1;
const GENERATION: u64 = 1001;
const BLOCK_LEN: u64 = 128 << 20;
const RACKS: u64 = 20;

/// Whether this run measures; else it only tries.
pub fn measuring() -> bool {
    let given = |flag| env::args().any(|arg| arg == flag);
    given("--bench") && !given("--test")
}

/// How many of `what` to work on: `full` when measuring, `small` else, or what `FAULTLINE_BENCH_<WHAT>` says.
pub fn size(what: &str, full: u64, small: u64) -> u64 {
    let chosen = env::var(format!("FAULTLINE_BENCH_{what}"));
    match chosen.ok().and_then(|value| value.parse().ok()) {
        Some(size) => size,
        None if measuring() => full,
        None => small,
    }
}

/// A directory on the disk that holds the build: a directory for temporary files may be in memory.
///
/// # Panics
/// When it cannot be made.
pub fn directory() -> TempDir {
    let program = env::current_exe().unwrap_or_else(|_| PathBuf::from("."));
    let beside = program.parent().expect("a program is in a directory");
    tempfile::tempdir_in(beside).expect("a directory beside the program")
}

/// Owner and mode that do not matter.
pub fn permission() -> Permission {
    Permission {
        owner: "bench".to_owned(),
        group: "bench".to_owned(),
        mode: 0o644,
    }
}

/// The path of file number `n`.
pub fn path(n: u64) -> String {
    format!(
        "/d{:05}/f{:03}",
        n / FILES_PER_DIRECTORY,
        n % FILES_PER_DIRECTORY
    )
}

/// A request for a file without blocks.
pub fn create(path: String) -> CreateRequest {
    CreateRequest {
        path,
        client: "bench".to_owned(),
        overwrite: false,
        create_parent: true,
        replication: 3,
        block_size: BLOCK_LEN,
        permission: permission(),
    }
}

/// An empty file system in memory.
///
/// # Panics
/// When the NameNode refuses.
pub fn namenode() -> NameNode {
    let mut disk = MemDisk::default();
    NameNode::format(&mut disk, &mut Rng::new(1)).expect("an empty disk can be formatted");
    NameNode::load(Config::default(), &mut disk, Time::ZERO).expect("what was formatted loads")
}

/// A file system of `count` closed files, [`path`]`(0)` and so on.
///
/// # Panics
/// When the NameNode refuses.
pub fn files(count: u64) -> NameNode {
    let mut namenode = namenode();
    for n in 0..count {
        create_and_close(&mut namenode, path(n));
        if n % 10_000 == 0 {
            pretend_synced(&mut namenode);
        }
    }
    pretend_synced(&mut namenode);
    namenode
}

/// Creates an empty file.
///
/// # Panics
/// When the NameNode refuses.
pub fn create_and_close(namenode: &mut NameNode, path: String) {
    let file = namenode
        .create(&create(path), Time::ZERO)
        .expect("a new file can be created");
    let closed = namenode.complete(file.inode, "bench", None, Time::ZERO);
    assert_eq!(closed, Ok(true));
}

/// Lets the edit log forget what a disk would have taken.
pub fn pretend_synced(namenode: &mut NameNode) {
    while let Some(batch) = namenode.begin_sync() {
        namenode.end_sync(&batch);
    }
}

/// DataNodes in 20 racks, and blocks with three replicas each where HDFS would put them.
#[derive(Debug)]
pub struct Cluster {
    /// What is measured.
    pub manager: BlockManager,
    /// Its settings.
    pub config: Config,
    /// The time there.
    pub now: Time,
    /// Luck.
    pub rng: Rng,
    /// The DataNodes that send heartbeats.
    pub alive: Vec<(DatanodeId, RegistrationId)>,
}

/// The blocks of a file system, none reported yet.
pub fn blocks(count: u64, replication: u16) -> BlocksMap {
    let mut blocks = BlocksMap::default();
    for n in 0..count {
        blocks.insert(
            block(n),
            InodeId(20_000 + n),
            replication,
            BlockState::Complete,
        );
    }
    blocks
}

/// Block number `n`.
pub fn block(n: u64) -> Block {
    Block::new(FIRST_BLOCK + n, GENERATION, BLOCK_LEN)
}

/// What a DataNode with these blocks reports.
pub fn report(blocks: impl Iterator<Item = u64>) -> Vec<ReportedReplica> {
    let replica = |n| ReportedReplica {
        block: block(n),
        state: ReplicaState::Finalized,
    };
    blocks.map(replica).collect()
}

/// DataNode number `n`.
pub fn datanode(n: u64) -> DatanodeInfo {
    DatanodeInfo {
        id: DatanodeId(n),
        hostname: format!("dn{n}"),
        address: format!("127.0.0.1:{}", 10_000 + n),
        rack: format!("/rack{:02}", n % RACKS),
    }
}

/// The DataNodes that hold block `n`, of `nodes`: one on a rack, two on another, each as likely as any.
fn holders(n: u64, nodes: u64) -> [u64; 3] {
    let mut rng = Rng::new(n);
    let per_rack = nodes / RACKS;
    let first = rng.below(nodes);
    let other_rack = 1 + rng.below(RACKS - 1);
    let second = (first + other_rack + RACKS * rng.below(per_rack)) % nodes;
    let third = (second + RACKS * (1 + rng.below(per_rack - 1))) % nodes;
    [first, second, third]
}

impl Cluster {
    /// `nodes` DataNodes, a multiple of 20 and at least 100, that have reported all replicas of `blocks` blocks; out of safe mode.
    ///
    /// # Panics
    /// When the block manager refuses, or stays in safe mode.
    pub fn new(nodes: u64, block_count: u64) -> Cluster {
        let config = Config::default();
        let mut cluster = Cluster {
            manager: BlockManager::new(&config, blocks(block_count, 3), Time::ZERO),
            config,
            now: Time::ZERO,
            rng: Rng::new(1),
            alive: Vec::new(),
        };
        let mut held: Vec<Vec<u64>> = vec![Vec::new(); usize::try_from(nodes).unwrap_or(0)];
        for n in 0..block_count {
            for holder in holders(n, nodes) {
                held[usize::try_from(holder).unwrap_or(0)].push(n);
            }
        }
        for (n, held) in (0..nodes).zip(held) {
            let (now, rng) = (cluster.now, &mut cluster.rng);
            let registration = cluster.manager.register(datanode(n), now, rng);
            let registration = registration.expect("a DataNode can register");
            cluster.alive.push((DatanodeId(n), registration));
            cluster
                .manager
                .block_report(DatanodeId(n), registration, &report(held.into_iter()), now)
                .expect("a registered DataNode can report");
        }
        // After safe mode all blocks are looked at.
        let extension = cluster.config.safemode_extension;
        cluster.live_through(2 * extension + cluster.config.replication_interval);
        assert_eq!(cluster.manager.safe_mode(), None);
        cluster
    }

    /// Lets time pass, with the heartbeats and the rounds of work that belong to it.
    pub fn live_through(&mut self, duration: Duration) {
        let end = self.now + duration;
        while self.now < end {
            self.next_round();
            while self.manager.tick(self.now, &mut self.rng) {}
        }
    }

    /// One round of work, in as many steps as it takes; returns how long the longest of them took.
    pub fn longest_step(&mut self) -> Duration {
        let mut longest = Duration::ZERO;
        loop {
            let start = Instant::now();
            let more = self.manager.tick(self.now, &mut self.rng);
            longest = longest.max(start.elapsed());
            if !more {
                return longest;
            }
        }
    }

    /// Goes on to the next round of work: every DataNode that is alive sends a heartbeat. A copy that it is asked for
    /// arrives and is lost again at once, so that there is as much to do as before. Returns how many there were.
    ///
    /// # Panics
    /// When the block manager refuses.
    pub fn next_round(&mut self) -> usize {
        self.now = self.now + self.config.replication_interval;
        let mut commands = Vec::new();
        for &(id, registration) in &self.alive {
            let heartbeat = heartbeat(id, registration);
            commands.extend(self.manager.heartbeat(&heartbeat, self.now));
        }
        let mut copies = 0;
        for command in commands {
            let Command::Transfer { block, targets } = command else {
                continue;
            };
            let events = [BlockEvent::Received(block), BlockEvent::Deleted(block)];
            for target in targets {
                let alive = self.alive.iter().find(|(id, _)| *id == target.id);
                let &(id, registration) = alive.expect("copies go to DataNodes that are alive");
                self.manager
                    .incremental_block_report(id, registration, &events, self.now)
                    .expect("a registered DataNode can report");
                copies += 1;
            }
        }
        copies
    }
}

/// A heartbeat of a DataNode with much room and little to do.
pub fn heartbeat(id: DatanodeId, registration: RegistrationId) -> Heartbeat {
    Heartbeat {
        wants_report_lease: false,
        id,
        registration,
        capacity: 100 << 40,
        dfs_used: 10 << 40,
        remaining: 90 << 40,
        xceivers: 1,
    }
}
