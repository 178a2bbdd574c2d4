//! What the death of the NameNode costs: a pause, and nothing that was acknowledged.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use mini_hdfs::error::FsError;
use mini_hdfs::server::dfs_client::DfsClient;
use node::Rng;

use crate::harness::{SOON, World, bytes, get, put, until};

const CLIENTS: u64 = 4;
const KILLS: u32 = 6;

/// What a client knows of one of its files: where it must be; none where it must not be; or that nobody can
/// tell, since a call was not answered.
enum Expected {
    At(String),
    Gone,
    Unknown,
}

/// Writes, renames and deletes small files until told to stop; what was acknowledged is what is expected.
fn work(
    client: &DfsClient,
    who: u64,
    stop: &AtomicBool,
    acknowledged: &AtomicU64,
) -> Vec<Expected> {
    let mut files = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let i = files.len() as u64;
        let (path, renamed) = (format!("/c{who}/f{i}"), format!("/c{who}/r{i}"));
        let mut done = put(client, &path, &contents(who, i)).map(|()| Expected::At(path.clone()));
        if done.is_ok() && !i.is_multiple_of(3) {
            done = client
                .rename(&path, &renamed)
                .map(|()| Expected::At(renamed.clone()));
        }
        if done.is_ok() && i % 3 == 2 {
            done = client.delete(&renamed, false).map(|_| Expected::Gone);
        }
        if done.is_ok() {
            acknowledged.fetch_add(1, Ordering::Relaxed);
        }
        files.push(done.unwrap_or(Expected::Unknown));
    }
    files
}

fn contents(who: u64, i: u64) -> Vec<u8> {
    bytes(who << 32 | i, 700)
}

#[test]
fn what_was_acknowledged_survives_kills_of_the_namenode() {
    // Few enough transactions that it dies in the middle of checkpoints too.
    let mut world = World::start(3, &["dfs.namenode.checkpoint.txns=60"]);
    let (stop, acknowledged) = (AtomicBool::new(false), AtomicU64::new(0));
    let clients: Vec<_> = (0..CLIENTS).map(|_| world.client()).collect();
    let expected = thread::scope(|scope| {
        let (stop, acknowledged) = (&stop, &acknowledged);
        let workers: Vec<_> = (0..CLIENTS)
            .zip(&clients)
            .map(|(who, client)| scope.spawn(move || work(client, who, stop, acknowledged)))
            .collect();
        let mut rng = Rng::new(5);
        for _ in 0..KILLS {
            let enough = acknowledged.load(Ordering::Relaxed) + 10 + rng.below(20);
            until("clients get on", || {
                acknowledged.load(Ordering::Relaxed) >= enough
            });
            world.restart_namenode();
        }
        stop.store(true, Ordering::Relaxed);
        let done = workers.into_iter().map(|worker| worker.join().unwrap());
        done.collect::<Vec<_>>()
    });

    world.restart_namenode();
    let client = world.client();
    until("safe mode is over", || {
        client.safe_mode().unwrap().is_none()
    });
    for (who, files) in (0..).zip(&expected) {
        for (i, expected) in (0..).zip(files) {
            match expected {
                Expected::At(path) => {
                    assert_eq!(get(&client, path), contents(who, i), "{path}");
                }
                Expected::Gone => {
                    for path in [format!("/c{who}/f{i}"), format!("/c{who}/r{i}")] {
                        assert!(client.stat(&path).unwrap().is_none(), "{path} is back");
                    }
                }
                Expected::Unknown => {}
            }
        }
    }
}

#[test]
fn a_namenode_that_does_not_know_its_replicas_yet_is_in_safe_mode() {
    let mut world = World::start(3, &[]);
    let client = world.client();
    put(&client, "/f", &bytes(6, 1000)).unwrap();
    world
        .cluster
        .datanodes
        .iter_mut()
        .for_each(|node| node.kill());
    world.restart_namenode();

    assert!(client.safe_mode().unwrap().is_some());
    assert_eq!(client.stat("/f").unwrap().unwrap().len, 1000);
    let refused = client.mkdirs("/d", true).unwrap_err();
    assert!(
        matches!(refused.refusal(), Some(FsError::SafeMode { .. })),
        "{refused}"
    );

    for datanode in &mut world.cluster.datanodes {
        datanode.start(SOON).unwrap();
    }
    until("safe mode is over", || {
        client.safe_mode().unwrap().is_none()
    });
    client.mkdirs("/d", true).unwrap();
    assert_eq!(get(&client, "/f"), bytes(6, 1000));
}
