//! How long nobody can write after the leader was killed.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use benches::raft::{Cluster, settled};
use raft_kv::client::pb::PutRequest;
use raft_kv::client::pb::kv_client::KvClient;
use tonic::transport::Endpoint;

/// A write that is not answered by then is made anew: it may have been lost with the leader.
const PATIENCE: Duration = Duration::from_millis(100);
const PAUSE: Duration = Duration::from_millis(2);
const BACK_MAX: Duration = Duration::from_secs(30);

/// Kills the leader, and starts it again. Returns the time from the kill to the first write that one of the others acknowledges.
pub(crate) async fn kill_leader(cluster: &mut dyn Cluster) -> Result<Duration> {
    let leader = settled(cluster).await?;
    let mut clients = Vec::new();
    for (n, endpoint) in cluster.endpoints().into_iter().enumerate() {
        if n != leader {
            let channel = Endpoint::from_shared(endpoint)?.connect().await?;
            clients.push(KvClient::new(channel));
        }
    }
    cluster.kill(leader);
    let killed = Instant::now();
    let mut back = None;
    for turn in 0.. {
        let client = &mut clients[turn % 2];
        let request = PutRequest {
            key: b"failover".to_vec(),
            ..Default::default()
        };
        let put = tokio::time::timeout(PATIENCE, client.put(request));
        if let Ok(Ok(_)) = put.await {
            back = Some(killed.elapsed());
            break;
        }
        ensure!(killed.elapsed() < BACK_MAX, "no write goes through");
        tokio::time::sleep(PAUSE).await;
    }
    cluster.revive(leader)?;
    settled(cluster).await?;
    Ok(back.unwrap_or(BACK_MAX))
}
