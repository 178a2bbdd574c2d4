//! Disks that fail, fill up and rot, under DataNodes that go on.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use mini_hdfs::block::Block;
use mini_hdfs::protocol::DatanodeReport;
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};

use crate::harness::{
    SOON, World, blocks, bytes, fsck, get, http, is_healthy, program, put, until,
};

const BLOCK: usize = 256 << 10;

fn report_of(client: &DfsClient, name: &str) -> DatanodeReport {
    let nodes = client.datanode_report().expect("the NameNode answers");
    let node = nodes.into_iter().find(|node| node.info.hostname == name);
    node.expect("it has registered")
}

/// The replica's file on `name`, and its directory `data1` or `data2`.
fn replica(world: &World, name: &str, block: Block) -> (PathBuf, PathBuf) {
    let file = world.block_file(name, block).expect("it has a replica");
    let root = world.dir.path().join(name);
    let volume = file.strip_prefix(&root).unwrap().components().next();
    (file.clone(), root.join(volume.unwrap()))
}

/// Damages the replica of the only block of `path` on one DataNode, and returns that node's name.
fn flip_a_byte(world: &World, client: &DfsClient, path: &str) -> String {
    let located = blocks(client, path).remove(0);
    let name = located.locations[1].hostname.clone();
    let file = world.block_file(&name, located.block).unwrap();
    let mut contents = fs::read(&file).unwrap();
    contents[BLOCK / 2] ^= 1;
    fs::write(&file, &contents).unwrap();
    name
}

#[test]
fn rot_that_nobody_reads_is_found_and_mended() {
    // The scan begins again at once, so that a pass is always about to come by.
    let world = World::start(
        4,
        &[
            "dfs.datanode.scan.period.hours=100ms",
            "dfs.block.scanner.volume.bytes.per.second=64m",
        ],
    );
    let client = world.client();
    let contents = bytes(1, BLOCK);
    put(&client, "/f", &contents).unwrap();
    until("all replicas are known", || is_healthy(&client, "/f"));
    let block = blocks(&client, "/f").remove(0).block;
    let victim = flip_a_byte(&world, &client, "/f");
    until("the damaged replica is gone from its disk", || {
        let file = world.block_file(&victim, block);
        file.is_none_or(|file| fs::read(file).is_ok_and(|now| now == contents))
    });
    until("there are three good replicas and no corrupt one", || {
        is_healthy(&client, "/f")
    });
    for (node, _) in fsck(&client, "/f").remove(0).replicas {
        let file = world.block_file(&node.hostname, block).unwrap();
        assert_eq!(fs::read(file).unwrap(), contents, "on {}", node.hostname);
    }
    let address = world.datanode_named(&victim).address("http").unwrap();
    let status = http(address, "/status.json");
    assert!(
        status.contains("\"damaged\":") && !status.contains("\"damaged\":0"),
        "{status}"
    );
    assert!(http(address, "/healthz").ends_with("ok\n"));
    let metrics = http(address, "/metrics");
    assert!(
        metrics.contains("hdfs_datanode_scan_damaged_total")
            && !metrics.contains("damaged_total 0"),
        "{metrics}"
    );
}

#[test]
fn files_that_are_gone_or_put_back_are_noticed() {
    let world = World::start(
        3,
        &[
            "dfs.datanode.directoryscan.interval=200ms",
            "dfs.block.scanner.volume.bytes.per.second=0",
        ],
    );
    let client = world.client();
    put(&client, "/f", &bytes(1, BLOCK)).unwrap();
    until("all replicas are known", || is_healthy(&client, "/f"));
    let located = blocks(&client, "/f").remove(0);
    // With its files elsewhere, the replica is missed, and copied to where it was.
    let name = &located.locations[0].hostname;
    let file = world.block_file(name, located.block).unwrap();
    fs::rename(&file, world.dir.path().join("away")).unwrap();
    until("it is copied anew", || file.exists());
    until("all replicas are known again", || is_healthy(&client, "/f"));
}

#[test]
fn a_failed_volume_takes_its_replicas_along_and_nothing_else() {
    let mut world = World::start_on(2, None, 4, &["dfs.datanode.failed.volumes.tolerated=1"]);
    let client = world.client();
    let contents = bytes(1, 8 * BLOCK);
    put(&client, "/f", &contents).unwrap();
    until("all replicas are known", || is_healthy(&client, "/f"));

    // Of a DataNode with replicas on both volumes, one becomes a file: nothing works on it, not even for root.
    let all = blocks(&client, "/f");
    let on = |name: &str, dir: &str| {
        let mut there = all.iter().filter_map(|b| world.block_file(name, b.block));
        there.any(|file| file.components().any(|part| part.as_os_str() == dir))
    };
    let names = ["dn1", "dn2", "dn3", "dn4"];
    let both = |name: &&&str| on(name, "data1") && on(name, "data2");
    let victim = (*names.iter().find(both).expect("replicas take turns")).to_owned();
    let lost = world.dir.path().join(&victim).join("data1");
    fs::rename(&lost, lost.with_extension("away")).unwrap();
    fs::write(&lost, "not a directory").unwrap();

    // Somebody must touch it for it to be noticed.
    let mut settings = world.client_settings();
    settings.host = Some(victim.clone());
    let local = DfsClient::connect(settings).unwrap();
    assert_eq!(get(&local, "/f"), contents);
    until("the NameNode knows of the failed volume", || {
        let report = report_of(&client, &victim);
        report.details.failed_volumes.len() == 1 && report.details.storages.len() == 1
    });
    until("all replicas are elsewhere", || is_healthy(&client, "/f"));
    for block in &all {
        let file = world.block_file(&victim, block.block);
        assert!(file.is_none_or(|file| !file.starts_with(&lost)));
    }
    assert_eq!(client.status().unwrap().volume_failures, 1);
    assert_eq!(client.status().unwrap().dead_datanodes, 0);
    let report = Command::new(program())
        .args(["dfsadmin", "-report"])
        .env("MINI_HDFS_NAMENODE", world.cluster.address().unwrap())
        .output()
        .unwrap();
    let report = String::from_utf8(report.stdout).unwrap();
    let said = format!("Failed volume: {}: ", lost.display());
    assert!(report.contains(&said), "{report}");
    put(&local, "/g", &contents).unwrap();
    assert_eq!(get(&client, "/g"), contents);

    // It starts with one volume too. With none it does not.
    let address = world
        .datanode_named(&victim)
        .address("address")
        .unwrap()
        .to_owned();
    world.datanode(&address).kill();
    world
        .datanode(&address)
        .start(SOON)
        .expect("one volume is enough");
    world.datanode(&address).kill();
    let other = world.dir.path().join(&victim).join("data2");
    fs::rename(&other, other.with_extension("away")).unwrap();
    fs::write(&other, "not a directory either").unwrap();
    let refusal = format!("{:#}", world.datanode(&address).start(SOON).unwrap_err());
    assert!(refusal.contains("2 of 2 volumes have failed"), "{refusal}");
}

#[test]
fn a_volume_that_fails_in_mid_write_costs_the_writer_nothing() {
    let world = World::start_on(2, None, 4, &["dfs.datanode.failed.volumes.tolerated=1"]);
    let client = world.client();
    let contents = bytes(1, 2 * BLOCK + 1000);
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(&contents[..BLOCK / 2]).unwrap();
    out.hflush().unwrap();
    let located = blocks(&client, "/f").remove(0);
    let victim = located.locations[1].hostname.clone();
    // What is open stays open, so it is noticed when the block is finished and moves to its place.
    let (_, volume) = replica(&world, &victim, located.block);
    fs::rename(&volume, volume.with_extension("away")).unwrap();
    fs::write(&volume, "not a directory").unwrap();
    out.write_all(&contents[BLOCK / 2..]).unwrap();
    out.close().unwrap();
    assert_eq!(get(&client, "/f"), contents);
    until("the NameNode knows of the failed volume", || {
        report_of(&client, &victim).details.failed_volumes.len() == 1
    });
    until("every block has three replicas", || {
        is_healthy(&client, "/f")
    });
    assert_eq!(client.status().unwrap().live_datanodes, 4);
}

#[test]
fn one_failed_volume_too_many_ends_the_datanode() {
    let mut world = World::start_on(2, None, 4, &[]);
    let client = world.client();
    let contents = bytes(1, 4 * BLOCK);
    put(&client, "/f", &contents).unwrap();
    until("all replicas are known", || is_healthy(&client, "/f"));
    let located = blocks(&client, "/f").remove(0);
    let victim = located.locations[0].clone();
    let (_, volume) = replica(&world, &victim.hostname, located.block);
    fs::rename(&volume, volume.with_extension("away")).unwrap();
    fs::write(&volume, "not a directory").unwrap();
    let mut settings = world.client_settings();
    settings.host = Some(victim.hostname.clone());
    assert_eq!(get(&DfsClient::connect(settings).unwrap(), "/f"), contents);
    until("the DataNode has ended", || {
        !world.datanode(&victim.address).is_running()
    });
    let log = world.dir.path().join(format!("{}.log", victim.hostname));
    let log = fs::read_to_string(log).unwrap();
    assert!(log.contains("1 of 2 volumes have failed"), "{log}");
    until("its replicas are elsewhere", || is_healthy(&client, "/f"));
    assert_eq!(get(&client, "/f"), contents);
}

#[test]
fn a_full_disk_is_an_error_to_the_writer_and_no_dead_datanode() {
    let room = 4 * BLOCK as u64;
    let world = World::start_on(1, Some(room + 100), 3, &[]);
    let client = world.client();
    put(&client, "/kept", &bytes(1, 3 * BLOCK)).unwrap();
    until("all replicas are known", || is_healthy(&client, "/kept"));
    let refusal = put(&client, "/f", &bytes(2, 3 * BLOCK))
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("without room for a block") || refusal.contains("out of space"),
        "{refusal}"
    );
    let status = client.status().unwrap();
    assert_eq!((status.live_datanodes, status.dead_datanodes), (3, 0));
    assert_eq!(get(&client, "/kept"), bytes(1, 3 * BLOCK));
    // Once there is room again, it is used.
    client.delete("/f", false).unwrap();
    client.delete("/kept", false).unwrap();
    until("the room is free again", || {
        client.status().unwrap().remaining >= 3 * room
    });
    put(&client, "/f", &bytes(2, 3 * BLOCK)).unwrap();
    assert_eq!(get(&client, "/f"), bytes(2, 3 * BLOCK));
}

#[test]
fn replicas_take_turns_on_the_volumes_and_are_found_again() {
    let mut world = World::start_on(3, None, 1, &["dfs.replication=1"]);
    let client = world.client();
    let options = CreateOptions::default();
    let contents = bytes(1, 6 * BLOCK);
    let mut out = client.create("/f", options).unwrap();
    out.write_all(&contents).unwrap();
    out.close().unwrap();
    let mut counts = [0; 3];
    for block in blocks(&client, "/f") {
        let (_, volume) = replica(&world, "dn1", block.block);
        let dirs = ["data1", "data2", "data3"];
        counts[dirs.iter().position(|dir| volume.ends_with(dir)).unwrap()] += 1;
    }
    assert_eq!(counts, [2, 2, 2]);
    world.cluster.datanodes[0].kill();
    world.cluster.datanodes[0].start(SOON).unwrap();
    assert_eq!(get(&client, "/f"), contents);
}

/// The most memory that a process has had, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_datanode_needs_no_more_memory_for_a_large_file() {
    let world = World::start(1, &["dfs.replication=1", "dfs.blocksize=128m"]);
    let client = world.client();
    let pid = world.cluster.datanodes[0].id().unwrap();
    let small = bytes(1, 4 << 20);
    put(&client, "/small", &small).unwrap();
    assert!(get(&client, "/small") == small);
    let before = peak_memory(pid);
    let large = bytes(2, 64 << 20);
    put(&client, "/large", &large).unwrap();
    assert!(get(&client, "/large") == large);
    // The kernel counts loosely: the peak may seem to fall.
    let more = peak_memory(pid).saturating_sub(before);
    assert!(more < 16 << 10, "{more} KiB more for a block of 64 MiB");
}

#[test]
fn a_datanode_without_a_directory_says_how_to_name_one() {
    let run = |args: &[&str]| {
        let output = Command::new(program()).arg("datanode").args(args).output();
        String::from_utf8(output.unwrap().stderr).unwrap()
    };
    let refusal = run(&[]);
    assert!(refusal.contains("--dir DIR[,DIR...]"), "{refusal}");
    // The setting names them too: here one that cannot be.
    let file = tempfile::NamedTempFile::new().unwrap();
    let setting = format!("dfs.datanode.data.dir={}", file.path().display());
    let refusal = run(&["-D", &setting]);
    assert!(refusal.contains("1 of 1 volumes have failed"), "{refusal}");
}
