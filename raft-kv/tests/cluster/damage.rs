//! Disks that are damaged: a member that cannot trust its own says so and does not start.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Cluster, wait};

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

/// Flips a bit in the middle of a file.
fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    fs::write(path, bytes).unwrap();
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
        .max_by_key(|file| fs::metadata(file).unwrap().len());
    flip(&log.unwrap());
    let error = format!(
        "{:#}",
        cluster.local.members[0].start(super::SOON).unwrap_err()
    );
    assert!(
        error.contains("wal"),
        "the error does not name the log: {error}"
    );
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
    flip(files(&member, ".snap").last().unwrap());
    let error = format!(
        "{:#}",
        cluster.local.members[0].start(super::SOON).unwrap_err()
    );
    assert!(
        error.contains("snap"),
        "the error does not name the snapshot: {error}"
    );
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
