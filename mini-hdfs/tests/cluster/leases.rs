//! Writers that are killed, and writers that are only slow: what becomes of their files.

use std::io::Write;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};

use crate::harness::{SOON, World, blocks, bytes, get, is_healthy, program, until};

const BLOCK: usize = 256 << 10;
/// A block and a half, in whole packets: a writer sends what fills a packet without being asked.
const PART: usize = BLOCK + 2 * (64 << 10);

/// Leases that run out while one waits.
const SETTINGS: &[&str] = &[
    "dfs.namenode.lease-soft-limit-sec=1s",
    "dfs.namenode.lease-hard-limit-sec=2s",
    "dfs.namenode.lease-recheck-interval-ms=100ms",
];

/// `dfs -put - PATH` that has written `contents` and waits for more.
struct Put(Child);

impl Put {
    fn start(world: &World, path: &str, contents: &[u8]) -> Put {
        let mut child = mini_hdfs(world, &["dfs", "-put", "-f", "-", path])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        child.stdin.as_mut().unwrap().write_all(contents).unwrap();
        Put(child)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Put {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn mini_hdfs(world: &World, words: &[&str]) -> Command {
    let mut command = Command::new(program());
    command
        .args(words)
        .env("MINI_HDFS_NAMENODE", world.cluster.address().unwrap());
    command
}

/// Whether readers see all of `contents`, in its last block the beginning that is acknowledged.
fn is_seen(client: &DfsClient, path: &str, contents: &[u8]) -> bool {
    let there = client.stat(path).is_ok_and(|status| status.is_some());
    there && get(client, path) == contents
}

/// Starts a writer, waits until a reader sees what it wrote, and kills it.
fn die_in_mid_write(world: &World, client: &DfsClient, path: &str, contents: &[u8]) {
    let mut writer = Put::start(world, path, contents);
    let copying = format!("{path}._COPYING_");
    until("what was written is seen", || {
        is_seen(client, &copying, contents)
    });
    writer.kill();
}

fn is_closed(client: &DfsClient, path: &str) -> bool {
    client.is_file_closed(path).unwrap()
}

#[test]
fn the_file_of_a_killed_writer_is_closed_with_all_that_was_acknowledged() {
    let world = World::start(3, SETTINGS);
    let (client, contents) = (world.client(), bytes(1, PART));
    die_in_mid_write(&world, &client, "/f", &contents);
    until("the file is closed", || is_closed(&client, "/f._COPYING_"));
    assert_eq!(get(&client, "/f._COPYING_"), contents);
    until("its blocks have their replicas", || {
        is_healthy(&client, "/f._COPYING_")
    });
    let last = blocks(&client, "/f._COPYING_").pop().unwrap();
    assert!(!last.under_construction);
    assert_eq!(last.block.len, (PART - BLOCK) as u64);
}

#[test]
fn a_put_takes_the_place_of_one_that_was_killed() {
    let world = World::start(3, &[]);
    let (client, contents) = (world.client(), bytes(2, PART));
    die_in_mid_write(&world, &client, "/f", &contents);
    assert!(
        !is_closed(&client, "/f._COPYING_"),
        "its lease has not run out"
    );
    let mut again = Put::start(&world, "/f", &contents);
    drop(again.0.stdin.take());
    assert!(again.0.wait().unwrap().success());
    assert_eq!(get(&client, "/f"), contents);
    assert_eq!(client.stat("/f._COPYING_").unwrap(), None);
}

#[test]
fn recoveries_survive_datanodes_and_the_namenode() {
    let mut world = World::start(4, SETTINGS);
    let client = world.client();
    for (round, path) in (1..).zip(["/a", "/b", "/c"]) {
        let contents = bytes(round, PART);
        die_in_mid_write(&world, &client, path, &contents);
        let copying = format!("{path}._COPYING_");
        let pipeline = blocks(&client, &copying).pop().unwrap().locations;
        let victim = pipeline[usize::try_from(round).unwrap() % 3].clone();
        world.datanode(&victim.address).kill();
        if round > 1 {
            world.restart_namenode();
        }
        until("the file is closed", || {
            client.is_file_closed(&copying).unwrap_or(false)
        });
        assert_eq!(get(&client, &copying), contents, "round {round}");
        world.datanode(&victim.address).start(SOON).unwrap();
        until("its blocks have their replicas", || {
            is_healthy(&client, &copying)
        });
        assert_eq!(get(&client, &copying), contents, "round {round}");
    }
}

#[test]
fn a_writer_that_lives_keeps_its_file_and_loses_it_only_by_force() {
    let world = World::start(3, SETTINGS);
    let (client, other) = (world.client(), world.client());
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(b"flushed").unwrap();
    out.hflush().unwrap();
    let began = Instant::now();
    until("the hard limit has passed thrice", || {
        began.elapsed() > Duration::from_secs(6)
    });
    assert!(!is_closed(&other, "/f"), "it was renewed");
    let refused = other.create("/f", CreateOptions::default()).unwrap_err();
    assert!(
        refused.to_string().contains("is being written by"),
        "{refused}"
    );

    let debug = |words: &[&str]| {
        let output = mini_hdfs(&world, words).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        (output.status.success(), text)
    };
    let recover = ["debug", "recoverLease", "-path", "/f", "-retries", "5"];
    let (done, text) = debug(&recover);
    assert!(
        done && text.ends_with("recoverLease SUCCEEDED on /f\n"),
        "{text}"
    );
    assert_eq!(get(&other, "/f"), b"flushed");
    let written = out.write_all(&bytes(3, PART)).map_err(|e| e.to_string());
    let closed = out.close().map_err(|e| e.to_string());
    assert!(written.is_err() || closed.is_err());
    assert_eq!(get(&other, "/f"), b"flushed", "nothing came after it");
    assert!(!debug(&["debug", "recoverLease", "-path", "/nowhere"]).0);
}
