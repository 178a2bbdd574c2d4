//! The client's recipes, and the server's Lock and Election services, which share their keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use raft_kv::client::recipes::{Barrier, Election, Mutex, Queue};
use raft_kv::client::session::Session;
use raft_kv::server::wire::v3lockpb::lock_client::LockClient;
use raft_kv::server::wire::v3lockpb::{LockRequest, UnlockRequest};

use super::{Cluster, wait};

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_is_held_by_one_at_a_time() {
    let mut cluster = Cluster::start(3, &[]).await;
    let (inside, served) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..5 {
        let (client, inside, served) = (cluster.client.clone(), inside.clone(), served.clone());
        tasks.spawn(async move {
            let session = Session::begin(&client, 10).await.unwrap();
            let mutex = Mutex::new(&client, "lock");
            for _ in 0..3 {
                let place = mutex.lock(&session).await.unwrap();
                assert_eq!(
                    inside.fetch_add(1, Ordering::SeqCst),
                    0,
                    "two hold the lock"
                );
                tokio::task::yield_now().await;
                inside.fetch_sub(1, Ordering::SeqCst);
                served.fetch_add(1, Ordering::SeqCst);
                mutex.unlock(&place).await.unwrap();
            }
            session.close().await.unwrap();
        });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    assert_eq!(served.load(Ordering::SeqCst), 15);
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_lock_and_the_clients_are_the_same() {
    let mut cluster = Cluster::start(1, &[]).await;
    let session = Session::begin(&cluster.client, 10).await.unwrap();
    let place = Mutex::new(&cluster.client, "lock")
        .lock(&session)
        .await
        .unwrap();
    let endpoint = cluster.local.endpoints().remove(0);
    let mut server = LockClient::connect(endpoint).await.unwrap();
    let waiting = tokio::spawn(async move {
        let request = LockRequest {
            name: b"lock".to_vec(),
            lease: 0,
        };
        let locked = server.lock(request).await.unwrap().into_inner();
        server
            .unlock(UnlockRequest {
                key: locked.key.clone(),
            })
            .await
            .unwrap();
        locked.key
    });
    wait("the second in the queue", async || {
        let queue = raft_kv::client::pb::RangeRequest {
            key: b"lock/".to_vec(),
            range_end: b"lock0".to_vec(),
            ..Default::default()
        };
        cluster
            .client
            .range(queue)
            .await
            .is_ok_and(|found| found.count == 2)
    })
    .await;
    assert!(!waiting.is_finished());
    Mutex::new(&cluster.client, "lock")
        .unlock(&place)
        .await
        .unwrap();
    assert_ne!(waiting.await.unwrap(), place.key);
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_its_lease_leads_no_more() {
    let mut cluster = Cluster::start(1, &[]).await;
    let client = &cluster.client;
    let election = Election::new(client, "e");
    let first = Session::begin(client, 10).await.unwrap();
    election.campaign(&first, "first").await.unwrap();
    let second = Session::begin(client, 10).await.unwrap();
    let leads = election.observe(0).await.unwrap();
    assert_eq!(leads.value, b"first");
    let (campaign, observed) = tokio::join!(election.campaign(&second, "second"), async {
        client.lease_revoke(first.lease()).await.unwrap();
        first.ended().await;
        let mut known = leads.mod_revision;
        loop {
            let next = election.observe(known).await.unwrap();
            if next.value == b"second" {
                return next;
            }
            known = next.mod_revision;
        }
    });
    assert_eq!(campaign.unwrap().key, observed.key);
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_gives_each_item_once_in_order_and_a_barrier_holds_up() {
    let mut cluster = Cluster::start(1, &[]).await;
    let client = &cluster.client;
    let queue = Queue::new(client, "q");
    let taken = tokio::spawn({
        let queue = queue.clone();
        async move {
            (
                queue.dequeue().await.unwrap(),
                queue.dequeue().await.unwrap(),
            )
        }
    });
    queue.enqueue("one").await.unwrap();
    queue.enqueue("two").await.unwrap();
    assert_eq!(taken.await.unwrap(), (b"one".to_vec(), b"two".to_vec()));

    let session = Session::begin(client, 10).await.unwrap();
    let barrier = Barrier::new(client, "b");
    assert!(barrier.hold(&session).await.unwrap());
    assert!(!barrier.hold(&session).await.unwrap());
    let passed = tokio::spawn({
        let barrier = barrier.clone();
        async move { barrier.wait().await.unwrap() }
    });
    barrier.lift().await.unwrap();
    passed.await.unwrap();
    cluster.local.stop();
}
