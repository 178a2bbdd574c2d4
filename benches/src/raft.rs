//! Clusters of three members that speak etcd's gRPC: raft-kv's, and etcd's own, where it is installed.

mod etcd;

use std::env;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use raft_kv::client::pb::StatusResponse;
use raft_kv::client::{Client, ClientError};
use raft_kv::server::local_cluster::LocalCluster;
use tempfile::TempDir;

use crate::directory;

pub use etcd::Etcd;

/// Members of a cluster.
pub const MEMBERS: u16 = 3;
const START_MAX: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// A cluster of child processes, with etcd's default settings. Dropping it kills them all.
pub trait Cluster {
    /// What it is called in a table.
    fn name(&self) -> &'static str;

    /// Where clients call the members.
    fn endpoints(&self) -> Vec<String>;

    /// The processes that run.
    fn processes(&self) -> Vec<u32>;

    /// Kills a member as a crash would.
    fn kill(&mut self, member: usize);

    /// Starts a member that was killed.
    ///
    /// # Errors
    /// When it does not start.
    fn revive(&mut self, member: usize) -> Result<()>;
}

/// raft-kv's. Fields are dropped in order: processes before their directory.
#[derive(Debug)]
pub struct RaftKv {
    cluster: LocalCluster,
    _dir: TempDir,
}

impl RaftKv {
    /// Starts one of the program that was built beside this one, or of another build.
    ///
    /// # Errors
    /// When there is none, or a member does not start.
    pub fn start(program: Option<&Path>) -> Result<RaftKv> {
        let dir = directory();
        let program = program.map_or_else(built, |other| Ok(other.to_owned()))?;
        let mut cluster = LocalCluster::prepare(&program, MEMBERS, dir.path(), &[])?;
        cluster.start()?;
        Ok(RaftKv { cluster, _dir: dir })
    }
}

/// The program as users have it: with the allocator that it chose, which this one does not have.
fn built() -> Result<PathBuf> {
    let name = format!("raft-kv{}", env::consts::EXE_SUFFIX);
    let program = env::current_exe()?.with_file_name(name);
    ensure!(
        program.is_file(),
        "there is no {}: build it (cargo build --release -p raft-kv), or name one with --program",
        program.display()
    );
    Ok(program)
}

impl Cluster for RaftKv {
    fn name(&self) -> &'static str {
        "raft-kv"
    }

    fn endpoints(&self) -> Vec<String> {
        self.cluster.endpoints()
    }

    fn processes(&self) -> Vec<u32> {
        let members = self.cluster.members.iter();
        members.filter_map(servers::Server::id).collect()
    }

    fn kill(&mut self, member: usize) {
        self.cluster.members[member].kill();
    }

    fn revive(&mut self, member: usize) -> Result<()> {
        self.cluster.members[member].start(START_MAX)
    }
}

/// Waits until all members run, agree on who leads and have the same log. Returns which one that is.
///
/// # Errors
/// When that takes too long.
pub async fn settled(cluster: &dyn Cluster) -> Result<usize> {
    let deadline = Instant::now() + START_MAX;
    let endpoints = cluster.endpoints();
    loop {
        let all = statuses(&endpoints).await;
        if let Ok(all) = &all
            && let Some(leader) = agreed(all)
        {
            return Ok(leader);
        }
        ensure!(
            Instant::now() < deadline,
            "{} is not ready after {START_MAX:?}: {all:?}",
            cluster.name()
        );
        tokio::time::sleep(POLL).await;
    }
}

async fn statuses(endpoints: &[String]) -> Result<Vec<StatusResponse>> {
    let mut all = Vec::new();
    for (_, client) in Client::new(endpoints)?.with_timeout(POLL * 25).each() {
        let status = client.status().await;
        all.push(status.map_err(|e: ClientError| e).context("no status")?);
    }
    Ok(all)
}

fn agreed(all: &[StatusResponse]) -> Option<usize> {
    let first = all.first()?;
    let is_same = |status: &StatusResponse| {
        status.leader == first.leader && status.raft_index == first.raft_index
    };
    let leads = |status: &StatusResponse| {
        let id = status.header.as_ref().map(|header| header.member_id);
        id == Some(first.leader)
    };
    all.iter().all(is_same).then_some(())?;
    all.iter().position(leads)
}
