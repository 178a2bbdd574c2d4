//! Leaders that are killed, or paused for longer than their lease.

use std::time::Duration;

use raft_kv::client::{Client, ClientError};

use super::{Cluster, wait};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_outlives_a_killed_leader() {
    let mut cluster = Cluster::start(3, &[]).await;
    for round in 0..3 {
        for i in 0..20 {
            cluster
                .client
                .put(format!("k{round}/{i}"), "v", 0)
                .await
                .unwrap();
        }
        let leader = cluster.leader().await;
        cluster.local.members[leader].kill();
        // The others go on.
        wait("a write after the kill", async || {
            cluster
                .client
                .put(format!("after{round}"), "v", 0)
                .await
                .is_ok()
        })
        .await;
        cluster.local.start().unwrap();
    }
    for round in 0..3 {
        for i in 0..20 {
            assert!(
                cluster
                    .client
                    .get(format!("k{round}/{i}"))
                    .await
                    .unwrap()
                    .is_some(),
                "k{round}/{i} is lost"
            );
        }
    }
    cluster.agree().await;
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn five_members_bear_two_that_are_dead() {
    let mut cluster = Cluster::start(5, &[]).await;
    cluster.client.put("before", "v", 0).await.unwrap();
    for _ in 0..2 {
        let leader = cluster.leader().await;
        cluster.local.members[leader].kill();
    }
    wait("a write with three of five", async || {
        cluster.client.put("after", "v", 0).await.is_ok()
    })
    .await;
    cluster.local.start().unwrap();
    cluster.agree().await;
    assert!(cluster.client.get("before").await.unwrap().is_some());
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn all_members_killed_at_once_lose_nothing() {
    let mut cluster = Cluster::start(3, &["--snapshot-count=50"]).await;
    for i in 0..200 {
        cluster
            .client
            .put(format!("k{i}"), format!("v{i}"), 0)
            .await
            .unwrap();
    }
    cluster
        .local
        .members
        .iter_mut()
        .for_each(servers::Server::kill);
    cluster.local.start().unwrap();
    cluster.local.ready().await.unwrap();
    for i in 0..200 {
        let found = cluster.client.get(format!("k{i}")).await.unwrap();
        assert_eq!(found.unwrap().value, format!("v{i}").into_bytes());
    }
    cluster.agree().await;
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_leader_serves_no_stale_read_and_ends_no_lease_early() {
    let mut cluster =
        Cluster::start(3, &["--heartbeat-interval=50", "--election-timeout=500"]).await;
    let (lease, ttl) = cluster.client.lease_grant(4, 0).await.unwrap();
    cluster.client.put("held", "v", lease).await.unwrap();
    cluster.client.put("k", "old", 0).await.unwrap();
    let paused = cluster.leader().await;
    let old_leader = cluster.at(paused);
    cluster.local.members[paused].pause().unwrap();
    wait("a write without the paused leader", async || {
        // The client asks the paused one too, and turns away when that is silent.
        cluster
            .client
            .clone()
            .with_timeout(Duration::from_secs(1))
            .put("k", "new", 0)
            .await
            .is_ok()
    })
    .await;
    let kept = std::time::Instant::now();
    wait("a keep-alive by the new leader", async || {
        cluster
            .client
            .clone()
            .with_timeout(Duration::from_secs(1))
            .lease_keep_alive(lease)
            .await
            .is_ok_and(|ttl| ttl > 0)
    })
    .await;
    cluster.local.members[paused].resume().unwrap();
    // It thinks that it leads when it wakes; what it answers must be what the others wrote meanwhile.
    let read = old_leader.get("k").await.unwrap().unwrap();
    assert_eq!(
        read.value, b"new",
        "a deposed leader read what was there before"
    );
    while kept.elapsed() < Duration::from_secs(u64::try_from(ttl).unwrap()) {
        let there = cluster.client.get("held").await.unwrap();
        // The answer is of a moment before the look at the clock.
        assert!(
            there.is_some() || kept.elapsed() >= Duration::from_secs(4),
            "the lease ended early"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    wait("the lease's end", async || {
        cluster
            .client
            .get("held")
            .await
            .is_ok_and(|there| there.is_none())
    })
    .await;
    cluster.agree().await;
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_turns_away_from_a_silent_endpoint() {
    let mut cluster = Cluster::start(1, &[]).await;
    // Connections come up, and nothing is ever said.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let endpoints = [silent, cluster.local.endpoints().remove(0)];
    let client = Client::new(&endpoints).unwrap();
    let client = client.with_timeout(Duration::from_secs(3));
    let first = client.put("k", "first", 0).await;
    assert!(matches!(first, Err(ClientError::Unknown(_))), "{first:?}");
    client.put("k", "second", 0).await.unwrap();
    // Each is asked first in turn.
    for _ in 0..2 {
        let found = client.get("k").await.unwrap();
        assert_eq!(found.unwrap().value, b"second");
    }
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_follows_the_leader() {
    let mut cluster = Cluster::start(3, &[]).await;
    for _ in 0..3 {
        let leader = cluster.leader().await;
        let url = cluster.local.endpoints()[leader].clone();
        wait("the client to find it", async || {
            // Any answer bears the term.
            let _ = cluster.client.get("k").await;
            cluster.client.leader().to_string() == url
        })
        .await;
        cluster.local.members[leader].kill();
        wait("another leader", async || {
            cluster.client.get("k").await.is_ok()
        })
        .await;
        cluster.local.start().unwrap();
    }
    cluster.local.stop();
}
