//! Members that come and go.

use raft_kv::client::ClientError;
use servers::Server;
use tonic::Code;

use super::{Cluster, SOON, program, wait};

/// A member that joins: its own process, with ports of its own.
fn joining(cluster: &Cluster, name: &str, peer: &str) -> Server {
    let known = cluster
        .local
        .members
        .iter()
        .enumerate()
        .map(|(i, member)| format!("m{}={}", i + 1, member.address("peer").unwrap()));
    let all = known
        .chain([format!("{name}={peer}")])
        .collect::<Vec<_>>()
        .join(",");
    let dir = cluster.dir.path().join(name).display().to_string();
    let args = [
        "serve",
        "--exit-with-stdin",
        "--name",
        name,
        "--data-dir",
        &dir,
        "--initial-cluster",
        &all,
        "--initial-cluster-state",
        "existing",
    ];
    Server::new(program(), args.map(str::to_owned))
        .logging_to(cluster.dir.path().join(format!("{name}.log")))
        .listening("--listen-peer-urls", "peer", peer)
        .listening("--listen-client-urls", "client", "http://127.0.0.1:0")
}

fn free_port() -> u16 {
    servers::free_ports(1).unwrap()[0]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_joins_gets_all_there_is_and_another_leaves() {
    let mut cluster = Cluster::start(3, &["--snapshot-count=50"]).await;
    for i in 0..200 {
        cluster.client.put(format!("k{i}"), "v", 0).await.unwrap();
    }
    let peer = format!("http://127.0.0.1:{}", free_port());
    let mut fourth = joining(&cluster, "m4", &peer);
    // It was not added yet.
    let error = format!("{:#}", fourth.start(SOON).unwrap_err());
    assert!(
        error.contains("member add m4"),
        "the error does not say what to do: {error}"
    );
    let added = cluster
        .client
        .member_add(vec![peer.clone()], false)
        .await
        .unwrap()
        .member
        .unwrap();
    fourth.start(SOON).unwrap();
    let own = raft_kv::client::Client::new(&[fourth.address("client").unwrap()]).unwrap();
    wait("the log, at the new member", async || {
        let status = own.status().await;
        status.is_ok_and(|status| !status.is_learner && status.header.unwrap().revision == 201)
    })
    .await;
    let theirs = cluster.client.hash_kv(0).await.unwrap().hash;
    assert_eq!(own.hash_kv(0).await.unwrap().hash, theirs);

    // One of the first leaves, by way of the new one; it ends by itself, and its id is of no more use.
    let first = cluster
        .at(0)
        .status()
        .await
        .unwrap()
        .header
        .unwrap()
        .member_id;
    own.member_remove(first).await.unwrap();
    wait("the removed member's end", async || {
        !cluster.local.members[0].is_running()
    })
    .await;
    // Started again, it is told so, sooner or later.
    let _ = cluster.local.members[0].start(SOON);
    wait("its end after another start", async || {
        !cluster.local.members[0].is_running()
    })
    .await;
    let left = own.members().await.unwrap().members;
    assert!(
        left.iter().all(|member| member.id != first)
            && left.iter().any(|member| member.id == added.id)
    );
    own.put("after", "v", 0).await.unwrap();
    fourth.stop(SOON);
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wiped_member_is_told_to_come_back_as_another() {
    let mut cluster = Cluster::start(3, &[]).await;
    cluster.client.put("k", "v", 0).await.unwrap();
    cluster.local.members[0].kill();
    std::fs::remove_dir_all(cluster.dir.path().join("m1")).unwrap();
    let error = format!("{:#}", cluster.local.members[0].start(SOON).unwrap_err());
    assert!(error.contains("has already been bootstrapped"), "{error}");
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_learner_follows_without_a_vote_until_it_is_promoted() {
    let mut cluster = Cluster::start(1, &[]).await;
    let peer = format!("http://127.0.0.1:{}", free_port());
    let added = cluster
        .client
        .member_add(vec![peer.clone()], true)
        .await
        .unwrap()
        .member
        .unwrap();
    // It is not there, and takes no majority away.
    cluster.client.put("k", "v", 0).await.unwrap();
    let refused = cluster
        .client
        .member_promote(added.id)
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        refused,
        "etcdserver: can only promote a learner member which is in sync with leader"
    );
    let mut second = joining(&cluster, "m2", &peer);
    second.start(SOON).unwrap();
    let own = raft_kv::client::Client::new(&[second.address("client").unwrap()]).unwrap();
    wait("the log, at the learner", async || {
        own.status()
            .await
            .is_ok_and(|status| status.header.unwrap().revision == 2)
    })
    .await;
    let refused = own.get("k").await.unwrap_err().to_string();
    assert_eq!(refused, "etcdserver: rpc not supported for learner");
    // Unavailable: etcd's client goes on to another member then.
    match own.leases().await.unwrap_err() {
        ClientError::Refused(status) => assert_eq!(status.code(), Code::Unavailable),
        other => panic!("{other}"),
    }
    wait("a promotion", async || {
        cluster.client.member_promote(added.id).await.is_ok()
    })
    .await;
    wait("a read at the new voter", async || {
        own.get("k").await.is_ok_and(|kv| kv.is_some())
    })
    .await;
    second.stop(SOON);
    cluster.local.stop();
}
