//! Real processes: killed, paused, tortured, with damaged disks, joined and removed.
#![allow(clippy::unwrap_used)] // Helpers of tests are tests, which clippy cannot see.

mod damage;
mod failover;
mod hostile;
mod membership;
mod recipes;
mod tools;
mod torture;

use std::path::Path;
use std::time::{Duration, Instant};

use raft_kv::client::Client;
use raft_kv::server::local_cluster::LocalCluster;
use tempfile::TempDir;

/// How long something may take that comes by itself.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// A cluster in a directory of its own.
pub(crate) struct Cluster {
    pub(crate) local: LocalCluster,
    pub(crate) client: Client,
    pub(crate) dir: TempDir,
}

pub(crate) fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_raft-kv"))
}

impl Cluster {
    /// Members that have a leader.
    pub(crate) async fn start(members: u16, flags: &[&str]) -> Cluster {
        let dir = tempfile::tempdir().unwrap();
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let mut local = LocalCluster::prepare(program(), members, dir.path(), &flags).unwrap();
        local.start().unwrap();
        let client = local.ready().await.unwrap();
        Cluster { local, client, dir }
    }

    /// Which of the members leads.
    pub(crate) async fn leader(&self) -> usize {
        let mut found = None;
        wait("a leader", async || {
            for (i, (_, member)) in self
                .client
                .clone()
                .with_timeout(Duration::from_secs(1))
                .each()
                .enumerate()
            {
                if let Ok(status) = member.status().await
                    && status
                        .header
                        .is_some_and(|header| header.member_id == status.leader)
                {
                    found = Some(i);
                }
            }
            found.is_some()
        })
        .await;
        found.unwrap()
    }

    /// A client of one member alone.
    pub(crate) fn at(&self, member: usize) -> Client {
        self.client.each().nth(member).unwrap().1
    }

    /// Waits until all members hold the same.
    pub(crate) async fn agree(&self) {
        wait("equal hashes", async || {
            let mut hashes = Vec::new();
            for (_, member) in self.client.each() {
                match member.hash_kv(0).await {
                    Ok(hash) => hashes.push((hash.hash, hash.header.map(|header| header.revision))),
                    Err(_) => return false,
                }
            }
            hashes.windows(2).all(|pair| pair[0] == pair[1])
        })
        .await;
    }
}

/// Waits for a condition.
pub(crate) async fn wait(what: &str, mut good: impl AsyncFnMut() -> bool) {
    let began = Instant::now();
    while !good().await {
        assert!(
            began.elapsed() < SOON,
            "{what} did not come within {SOON:?}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
