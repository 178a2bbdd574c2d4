//! A mini-hdfs of real processes: the program that measures, run again as a NameNode and DataNodes.

use std::env;
use std::io::{Read, Write};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use mini_hdfs::server::cluster::{self, Cluster};
use mini_hdfs::server::dfs_client::{ClientSettings, CreateOptions, DfsClient};
use mini_hdfs::server::{datanode, namenode};
use tempfile::TempDir;

use crate::{directory, path};

/// DataNodes in [`Bed`].
const DATANODES: u16 = 3;
const READY_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// This program as one of the cluster's processes.
#[derive(clap::Subcommand)]
pub enum Node {
    /// Run a NameNode
    Namenode(namenode::Options),
    /// Run a DataNode
    Datanode(datanode::Options),
}

impl Node {
    /// Runs until it is told to end.
    ///
    /// # Errors
    /// The server's.
    pub fn run(&self) -> Result<()> {
        match self {
            Node::Namenode(options) => namenode::run(options),
            Node::Datanode(options) => datanode::run(options),
        }
    }
}

/// A running cluster and its client. Fields are dropped in order: processes before their directory.
#[derive(Debug)]
pub struct Bed {
    /// Writes and reads.
    pub client: DfsClient,
    /// The processes.
    pub cluster: Cluster,
    _dir: TempDir,
}

impl Bed {
    /// Starts a NameNode and three DataNodes on two racks, and waits until they can be written to.
    ///
    /// # Errors
    /// When a process does not start, or the cluster is not ready soon.
    pub fn start() -> Result<Bed> {
        let dir = directory();
        let options = cluster::Options {
            volumes: 1,
            capacity: None,
            chaos: false,
            datanodes: DATANODES,
            racks: 2,
            dir: None,
            listen: "127.0.0.1:0".to_owned(),
            http: "127.0.0.1:0".to_owned(),
            define: Vec::new(),
            exit_with_stdin: true,
        };
        let cluster = Cluster::start(&env::current_exe()?, &options, dir.path())?;
        let client = DfsClient::connect(ClientSettings::new(cluster.address()?, "bench"))?;
        let deadline = Instant::now() + READY_MAX;
        loop {
            let nodes = client.datanode_report()?;
            let ready = nodes.iter().filter(|node| node.heartbeat.remaining > 0);
            if ready.count() == usize::from(DATANODES) && client.safe_mode()?.is_none() {
                break;
            }
            ensure!(Instant::now() < deadline, "not ready: {nodes:?}");
            thread::sleep(POLL);
        }
        Ok(Bed {
            client,
            cluster,
            _dir: dir,
        })
    }

    /// Writes `bytes` to `path` with so many replicas, synced on close.
    ///
    /// # Errors
    /// The client's.
    pub fn put(&self, path: &str, bytes: &[u8], replication: u16) -> Result<()> {
        let options = CreateOptions {
            overwrite: true,
            replication,
            ..CreateOptions::default()
        };
        let mut file = self.client.create(path, options)?;
        file.write_all(bytes)?;
        Ok(file.close()?)
    }

    /// Reads `path` into `buffer`.
    ///
    /// # Errors
    /// The client's.
    pub fn get(&self, path: &str, buffer: &mut Vec<u8>) -> Result<()> {
        buffer.clear();
        self.client.open(path)?.read_to_end(buffer)?;
        Ok(())
    }

    /// Makes `count` directories in all, by so many callers at the same time.
    ///
    /// # Panics
    /// When one cannot be made.
    pub fn mkdirs(&self, callers: u64, count: u64, top: &str) -> Duration {
        let start = Instant::now();
        thread::scope(|scope| {
            for caller in 0..callers {
                let mine = (caller..count).step_by(usize::try_from(callers).unwrap_or(1));
                scope.spawn(move || {
                    for n in mine {
                        let made = self.client.mkdirs(&format!("{top}{}", path(n)), true);
                        made.expect("a new directory can be made");
                    }
                });
            }
        });
        start.elapsed()
    }
}
