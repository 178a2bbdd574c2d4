//! A cluster to be broken, and how to look at it.

use std::env;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use mini_hdfs::block::{Block, LocatedBlock};
use mini_hdfs::protocol::{FsckBlock, ReplicaHealth};
use mini_hdfs::server::cluster::{Cluster, Options};
use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient, DfsError};
use servers::Server;
use tempfile::TempDir;

/// How long anything may take to come true. Far more than it does, for machines that are busy.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// The program under test: this package's own, or the one that `cargo course grade` names.
pub(crate) fn program() -> PathBuf {
    let named = env::var_os("FAULTLINE_PROGRAM");
    named.map_or_else(|| env!("CARGO_BIN_EXE_mini-hdfs").into(), PathBuf::from)
}

/// A dead DataNode is known after 1.4 s; small blocks.
const SETTINGS: &[&str] = &[
    "dfs.heartbeat.interval=100ms",
    "dfs.namenode.stale.datanode.interval=600ms",
    "dfs.namenode.heartbeat.recheck-interval=200ms",
    "dfs.namenode.redundancy.interval.seconds=100ms",
    "dfs.namenode.reconstruction.pending.timeout-sec=2s",
    "dfs.namenode.fs-limits.min-block-size=64k",
    "dfs.blocksize=256k",
];

pub(crate) struct World {
    // Before the directory, so that the processes are gone when it is removed.
    pub(crate) cluster: Cluster,
    pub(crate) dir: TempDir,
}

impl World {
    /// A cluster of this many DataNodes, out of safe mode.
    pub(crate) fn start(datanodes: u16, settings: &[&str]) -> World {
        World::start_on(1, None, datanodes, settings)
    }

    /// The same, with so many directories in each DataNode, and so much room.
    pub(crate) fn start_on(
        volumes: u16,
        capacity: Option<u64>,
        datanodes: u16,
        settings: &[&str],
    ) -> World {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let define = SETTINGS.iter().chain(settings);
        let options = Options {
            datanodes,
            volumes,
            capacity,
            chaos: true,
            racks: 1,
            dir: None,
            listen: "127.0.0.1:0".to_owned(),
            http: "127.0.0.1:0".to_owned(),
            define: define.map(|&setting| setting.to_owned()).collect(),
            exit_with_stdin: false,
        };
        let cluster = Cluster::start(&program(), &options, dir.path()).expect("the cluster starts");
        let world = World { cluster, dir };
        let client = world.client();
        until("all DataNodes can be written to", || {
            let nodes = client.datanode_report().expect("the NameNode answers");
            let ready = nodes.iter().filter(|node| node.heartbeat.remaining > 0);
            ready.count() == usize::from(datanodes)
                && client.safe_mode().expect("the NameNode answers").is_none()
        });
        world
    }

    pub(crate) fn client(&self) -> DfsClient {
        DfsClient::connect(self.client_settings()).expect("a good address")
    }

    pub(crate) fn client_settings(&self) -> ClientSettings {
        let mut settings =
            ClientSettings::new(self.cluster.address().expect("it has started"), "tester");
        settings.socket_timeout = Duration::from_secs(10);
        settings.retry_window = Duration::from_millis(100);
        settings
    }

    /// The DataNode that serves at `address`.
    pub(crate) fn datanode(&mut self, address: &str) -> &mut Server {
        let mut nodes = self.cluster.datanodes.iter_mut();
        nodes
            .find(|node| node.address("address") == Some(address))
            .expect("a DataNode of ours")
    }

    /// The DataNode called `name` (`dn1`).
    pub(crate) fn datanode_named(&self, name: &str) -> &Server {
        let number: usize = name.trim_start_matches("dn").parse().expect("dn1, dn2, …");
        &self.cluster.datanodes[number - 1]
    }

    pub(crate) fn restart_namenode(&mut self) {
        self.cluster.namenode.kill();
        self.cluster
            .namenode
            .start(SOON)
            .expect("the NameNode starts again");
    }

    /// The file that holds `block` on the DataNode called `name` (`dn1`), if it has one.
    pub(crate) fn block_file(&self, name: &str, block: Block) -> Option<PathBuf> {
        find(&self.dir.path().join(name), &block.id.to_string())
    }
}

fn find(dir: &Path, name: &str) -> Option<PathBuf> {
    // Directories may go away while we look.
    let entries: Vec<_> = fs::read_dir(dir).ok()?.flatten().collect();
    let subdirs = entries.iter().filter(|e| e.path().is_dir());
    let here = entries.iter().find(|e| e.file_name() == name);
    here.map(fs::DirEntry::path)
        .or_else(|| subdirs.into_iter().find_map(|e| find(&e.path(), name)))
}

/// Waits until `condition` holds.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + SOON;
    while !condition() {
        assert!(Instant::now() < end, "waited {SOON:?} in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Bytes that differ from place to place and from `seed` to `seed`.
pub(crate) fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut rng = node::Rng::new(seed);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        bytes.extend(rng.next_u64().to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// What a server answers to `GET path`, headers included.
pub(crate) fn http(address: &str, path: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    write!(socket, "GET {path} HTTP/1.0\r\n\r\n").expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("it answers");
    answer
}

/// Says what is wrong with the disks of `server` from now on: `full=0&slow_ms=200`, or nothing.
pub(crate) fn break_disks(server: &Server, faults: &str) {
    let answer = order(server.address("chaos").expect("it takes orders"), faults);
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
}

/// What a server answers to an order at `address`, headers included.
pub(crate) fn order(address: &str, faults: &str) -> String {
    let mut socket = TcpStream::connect(address).expect("the server listens");
    let len = faults.len();
    write!(
        socket,
        "PUT /chaos HTTP/1.0\r\nHost: {address}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {len}\r\n\r\n{faults}"
    )
    .expect("it reads");
    let mut answer = String::new();
    socket.read_to_string(&mut answer).expect("it answers");
    answer
}

pub(crate) fn put(client: &DfsClient, path: &str, contents: &[u8]) -> Result<(), DfsError> {
    let mut out = client.create(path, CreateOptions::default())?;
    out.write_all(contents)
        .map_err(|e| DfsError::Local(e.to_string()))?;
    out.close()
}

pub(crate) fn get(client: &DfsClient, path: &str) -> Vec<u8> {
    let mut contents = Vec::new();
    let mut file = client.open(path).expect("the file is there");
    file.read_to_end(&mut contents).expect("the file reads");
    contents
}

pub(crate) fn blocks(client: &DfsClient, path: &str) -> Vec<LocatedBlock> {
    client
        .block_locations(path, 0, u64::MAX)
        .expect("the file is there")
        .blocks
}

pub(crate) fn fsck(client: &DfsClient, path: &str) -> Vec<FsckBlock> {
    let files = client.fsck(path).expect("the NameNode answers");
    files
        .flat_map(|file| file.expect("fsck goes on").blocks)
        .collect()
}

/// Whether each block of `path` has three replicas that are good and live, and none that is corrupt.
pub(crate) fn is_healthy(client: &DfsClient, path: &str) -> bool {
    let blocks = fsck(client, path);
    !blocks.is_empty()
        && blocks.iter().all(|block| {
            let count = |health| block.replicas.iter().filter(|(_, h)| *h == health).count();
            count(ReplicaHealth::Live) == 3 && count(ReplicaHealth::Corrupt) == 0
        })
}
