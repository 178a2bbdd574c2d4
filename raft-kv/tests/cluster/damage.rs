//! Disks that are damaged: a member that cannot trust its own says so and does not start.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use servers::Server;

use raft_kv::client::Client;

use super::{Cluster, wait};

/// Has a member take orders to break its disk.
const CHAOS: &str = "--chaos=127.0.0.1:0";

/// From now on this is wrong with a member's disk: `full=0`, `fail=syncs`, or nothing.
fn order(member: &Server, fault: &str) {
    let address = member.ready()["chaos"].as_str().unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "PUT /chaos HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{fault}",
        fault.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{fault:?}: {answer}");
}

/// What a member has said so far.
fn said(member: &Server) -> String {
    fs::read_to_string(member.log().unwrap()).unwrap()
}

fn files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, ending));
        } else if path.to_string_lossy().ends_with(ending) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Flips a bit in the middle of what was written to a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let last = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    bytes[last / 2] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// The first member does not start, since this file in its directory `dir` is damaged.
fn names_the_damage(cluster: &mut Cluster, dir: &str, file: &Path) {
    let started = cluster.local.members[0].start(super::SOON);
    let error = format!("{:#}", started.unwrap_err());
    let name = file.file_name().unwrap().to_string_lossy();
    let expected = format!("{dir}/{name} is damaged at byte ");
    assert!(error.contains(&expected), "not {expected:?}: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_the_log_stops_that_member_alone() {
    let mut cluster = Cluster::start(3, &[]).await;
    for i in 0..100 {
        cluster
            .client
            .put(format!("k{i}"), vec![b'x'; 1000], 0)
            .await
            .unwrap();
    }
    cluster.local.members[0].kill();
    let wal = cluster.dir.path().join("m1/member");
    let log = files(&wal, "")
        .into_iter()
        .max_by_key(|file| fs::metadata(file).unwrap().len())
        .unwrap();
    flip(&log);
    names_the_damage(&mut cluster, "wal", &log);
    // The others are a majority.
    wait("a write by the others", async || {
        cluster.client.put("after", "v", 0).await.is_ok()
    })
    .await;
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flipped_bit_in_a_snapshot_is_noticed() {
    let mut cluster = Cluster::start(1, &["--snapshot-count=20"]).await;
    for i in 0..100 {
        cluster
            .client
            .put(format!("k{i}"), vec![b'x'; 1000], 0)
            .await
            .unwrap();
    }
    let member = cluster.dir.path().join("m1/member");
    wait("a snapshot", async || !files(&member, ".snap").is_empty()).await;
    cluster.local.stop();
    let snapshot = files(&member, ".snap").pop().unwrap();
    flip(&snapshot);
    names_the_damage(&mut cluster, "snap", &snapshot);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_store_says_so_and_can_be_emptied() {
    let mut cluster = Cluster::start(1, &["--quota-backend-bytes=200000"]).await;
    let mut refused = None;
    for i in 0..100 {
        if let Err(error) = cluster
            .client
            .put(format!("k{i}"), vec![b'x'; 10_000], 0)
            .await
        {
            refused = Some(error.to_string());
            break;
        }
    }
    assert_eq!(
        refused.unwrap(),
        "etcdserver: mvcc: database space exceeded"
    );
    let status = cluster.client.status().await.unwrap();
    assert!(
        status.errors.iter().any(|error| error.contains("NOSPACE")),
        "{:?}",
        status.errors
    );
    // Reading goes on, and so does deleting.
    let delete = raft_kv::client::pb::DeleteRangeRequest {
        key: b"k".to_vec(),
        range_end: b"l".to_vec(),
        prev_kv: false,
    };
    let deleted = cluster.client.delete(delete).await.unwrap();
    let revision = deleted.header.unwrap().revision;
    cluster.client.compact(revision, true).await.unwrap();
    cluster
        .client
        .alarm(raft_kv::client::pb::alarm_request::AlarmAction::Deactivate)
        .await
        .unwrap();
    cluster
        .client
        .put("again", vec![b'x'; 10_000], 0)
        .await
        .unwrap();
    cluster.local.stop();
}

/// Breaks the leader's disk, and expects that it ends with this reason, and that the others go on with all that was acknowledged.
async fn a_leader_ends_when_its_disk(fault: &str, reason: &str) {
    let mut cluster = Cluster::start(3, &[CHAOS]).await;
    let value = vec![b'x'; 1000];
    for i in 0..20 {
        let key = format!("before{i}");
        cluster.client.put(key, value.clone(), 0).await.unwrap();
    }
    let leader = cluster.leader().await;
    order(&cluster.local.members[leader], fault);
    let mut written = Vec::new();
    wait("its end", async || {
        let key = format!("during{}", written.len());
        let patience = Duration::from_secs(2);
        let client = cluster.client.clone().with_timeout(patience);
        let put = client.put(key, value.clone(), 0).await;
        written.push(put.is_ok());
        !cluster.local.members[leader].is_running()
    })
    .await;
    let said = said(&cluster.local.members[leader]);
    assert!(said.contains(reason), "it does not say why: {said}");
    wait("a write by the others", async || {
        cluster.client.put("after", "v", 0).await.is_ok()
    })
    .await;
    // With room again, it comes back with what it had, and gets the rest.
    cluster.local.members[leader].start(super::SOON).unwrap();
    cluster.agree().await;
    let at = cluster.at(leader);
    for i in 0..20 {
        let key = format!("before{i}");
        assert!(at.get(&*key).await.unwrap().is_some(), "{key} is lost");
    }
    for (i, _) in written.iter().enumerate().filter(|(_, written)| **written) {
        let key = format!("during{i}");
        assert!(at.get(&*key).await.unwrap().is_some(), "{key} is lost");
    }
    cluster.local.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_stops_that_member_alone() {
    a_leader_ends_when_its_disk("full=5000", "no space left").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_sync_stops_that_member_alone() {
    a_leader_ends_when_its_disk("fail=syncs", "input/output error").await;
}

/// What the leader's disk has made of its snapshot, a follower does not believe, and does not keep. The leader looks for the fault in its own
/// file then, and makes another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_snapshot_is_not_believed_by_those_who_receive_it() {
    let flags = ["--snapshot-count=100", "--snapshot-catchup-entries=5"];
    let mut cluster = Cluster::start(3, &flags).await;
    let leader = cluster.leader().await;
    let behind = (leader + 1) % 3;
    let dir = |member: usize| cluster.dir.path().join(format!("m{}/member", member + 1));
    let (leaders, received) = (dir(leader), dir(behind));
    let mut refused = false;
    for round in 0..10 {
        cluster.local.members[behind].kill();
        let known = files(&leaders, ".snap");
        for i in 0..120 {
            // Whoever is asked first may have been killed a moment ago.
            wait("a write", async || {
                let (key, value) = (format!("k{round}/{i}"), vec![b'x'; 1000]);
                cluster.client.put(key, value, 0).await.is_ok()
            })
            .await;
        }
        wait("a snapshot", async || {
            let now = files(&leaders, ".snap");
            !now.is_empty() && now != known
        })
        .await;
        flip(files(&leaders, ".snap").last().unwrap());
        cluster.local.members[behind].start(super::SOON).unwrap();
        let itself = Client::new(&cluster.local.endpoints()[behind..=behind]).unwrap();
        let last = format!("k{round}/119");
        wait("a refusal, or what was missed", async || {
            refused = said(&cluster.local.members[behind]).contains("received and not kept");
            refused || itself.get(last.clone()).await.is_ok_and(|kv| kv.is_some())
        })
        .await;
        // Where the entries were still there, as long as one that was sent in vain is under way, no snapshot was asked for.
        refused = said(&cluster.local.members[behind]).contains("received and not kept");
        if refused {
            break;
        }
    }
    assert!(refused, "no snapshot was sent in ten rounds");
    // Without another write.
    cluster.agree().await;
    let leaders_words = said(&cluster.local.members[leader]);
    assert!(
        leaders_words.contains("own snapshot is damaged, and is made anew: at byte "),
        "{leaders_words}"
    );
    wait("nothing that was half received", async || {
        files(&received, ".tmp").is_empty()
    })
    .await;
    cluster.local.stop();
}
