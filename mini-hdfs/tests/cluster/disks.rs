//! Disks broken on purpose under servers that run (`--chaos`): full, slow, failing to sync.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use mini_hdfs::server::dfs_client::CreateOptions;

use crate::harness::{World, blocks, break_disks, bytes, get, http, is_healthy, order, put, until};

const BLOCK: usize = 256 << 10;

#[test]
fn disks_that_fill_up_in_mid_write_are_an_error_to_the_writer_and_no_dead_datanodes() {
    let world = World::start(3, &[]);
    let client = world.client();
    let contents = bytes(1, BLOCK + BLOCK / 2);
    put(&client, "/kept", &contents).unwrap();
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(&contents[..BLOCK / 2]).unwrap();
    out.hflush().unwrap();
    for node in &world.cluster.datanodes {
        break_disks(node, "full=1000");
    }
    let failed = out
        .write_all(&contents[BLOCK / 2..])
        .and_then(|()| out.close().map_err(std::io::Error::other));
    let refusal = failed.unwrap_err().to_string();
    assert!(
        refusal.contains("no space left") || refusal.contains("failed"),
        "{refusal}"
    );
    let refusal = put(&client, "/g", &contents).unwrap_err().to_string();
    assert!(
        refusal.contains("without room") || refusal.contains("out of space"),
        "{refusal}"
    );
    assert_eq!(get(&client, "/kept"), contents);
    let status = client.status().unwrap();
    assert_eq!((status.live_datanodes, status.volume_failures), (3, 0));

    for node in &world.cluster.datanodes {
        break_disks(node, "");
    }
    until("there is room again", || {
        client.status().unwrap().remaining > BLOCK as u64
    });
    put(&client, "/h", &contents).unwrap();
    assert_eq!(get(&client, "/h"), contents);
}

#[test]
fn one_full_disk_costs_the_writer_nothing() {
    let world = World::start(4, &[]);
    let client = world.client();
    let contents = bytes(1, 3 * BLOCK);
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(&contents[..BLOCK / 2]).unwrap();
    out.hflush().unwrap();
    let victim = blocks(&client, "/f").remove(0).locations[1]
        .hostname
        .clone();
    break_disks(world.datanode_named(&victim), "full=0");
    out.write_all(&contents[BLOCK / 2..]).unwrap();
    out.close().unwrap();
    assert_eq!(get(&client, "/f"), contents);
    until("every block has three replicas", || {
        is_healthy(&client, "/f")
    });
    assert_eq!(client.status().unwrap().live_datanodes, 4);
}

#[test]
fn a_slow_disk_is_slow_until_it_is_not() {
    let world = World::start(1, &["dfs.replication=1"]);
    let client = world.client();
    let contents = bytes(1, 1000);
    let node = &world.cluster.datanodes[0];
    break_disks(node, "slow_ms=150");
    let began = Instant::now();
    put(&client, "/f", &contents).unwrap();
    // Its data and its checksums are written and synced one after the other.
    assert!(began.elapsed() >= Duration::from_millis(600));
    let began = Instant::now();
    assert_eq!(get(&client, "/f"), contents);
    assert!(began.elapsed() >= Duration::from_millis(150));
    let mended = order(node.address("chaos").unwrap(), "");
    assert!(mended.contains("\"slow_ms\":0"), "{mended}");
    let orders = http(node.address("chaos").unwrap(), "/chaos");
    assert!(orders.contains("403"), "no Host is no local one: {orders}");
    put(&client, "/g", &contents).unwrap();
    let namenode = &world.cluster.namenode;
    break_disks(namenode, "slow_ms=150");
    let began = Instant::now();
    client.mkdirs("/d", true).unwrap();
    assert!(
        began.elapsed() >= Duration::from_millis(300),
        "the edit is written and synced"
    );
}

#[test]
fn a_failed_sync_loses_nothing_that_was_acknowledged() {
    let mut world = World::start(4, &[]);
    let client = world.client();
    let contents = bytes(1, 2 * BLOCK);
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(&contents[..1000]).unwrap();
    out.hsync().unwrap();
    let victim = blocks(&client, "/f").remove(0).locations[0].clone();
    break_disks(world.datanode_named(&victim.hostname), "fail=syncs");
    out.write_all(&contents[1000..2000]).unwrap();
    out.hsync().unwrap();
    let mut read = vec![0; 2000];
    client.open("/f").unwrap().read_exact(&mut read).unwrap();
    assert_eq!(read, contents[..2000]);
    // Its only volume has failed, and is not tried again.
    until("the DataNode has ended", || {
        !world.datanode(&victim.address).is_running()
    });
    out.write_all(&contents[2000..]).unwrap();
    out.close().unwrap();
    assert_eq!(get(&client, "/f"), contents);
    until("every block has three replicas", || {
        is_healthy(&client, "/f")
    });

    break_disks(&world.cluster.namenode, "fail=syncs");
    let refused = client.mkdirs("/never", true);
    assert!(refused.is_err(), "{refused:?}");
    until("the NameNode has ended", || {
        !world.cluster.namenode.is_running()
    });
    world.restart_namenode();
    until("safe mode is over", || {
        client.safe_mode().is_ok_and(|on| on.is_none())
    });
    assert_eq!(get(&client, "/f"), contents);
}

#[test]
fn orders_that_make_no_sense_are_refused_with_the_reason() {
    let world = World::start(1, &["dfs.replication=1"]);
    let address = world.cluster.datanodes[0].address("chaos").unwrap();
    for (faults, reason) in [
        ("ful=0", "unknown field `ful`"),
        ("full=much", "invalid digit"),
        ("slow_ms=600000", "slow_ms is 60000 at most"),
        ("fail=sometimes", "unknown variant `sometimes`"),
        ("dir=/nowhere&full=0", "no disk /nowhere; there are: "),
    ] {
        let answer = order(address, faults);
        assert!(answer.starts_with("HTTP/1.0 4"), "{answer}");
        assert!(answer.contains(reason), "{faults}: {answer}");
    }
}

#[test]
fn a_disk_that_is_slower_than_the_others_is_noticed_and_told() {
    let settings = [
        "dfs.replication=1",
        "dfs.blocksize=64k",
        "dfs.datanode.fileio.profiling.sampling.percentage=100",
        "dfs.datanode.outliers.report.interval=5s",
    ];
    let world = World::start_on(5, None, 1, &settings);
    let client = world.client();
    let node = &world.cluster.datanodes[0];
    let slow = world.dir.path().join("dn1").join("data3");
    break_disks(node, &format!("slow_ms=40&dir={}", slow.display()));
    let status = || http(node.address("http").unwrap(), "/status.json");
    let told = || {
        let report = client.datanode_report().unwrap().remove(0);
        let slow = report
            .details
            .storages
            .iter()
            .filter_map(|storage| storage.slow_us);
        slow.collect::<Vec<u64>>()
    };
    let mut n = 0;
    let mut work = || {
        n += 1;
        put(&client, &format!("/f{n}"), &bytes(n, 5 << 16)).unwrap();
    };
    let mut slow_us = Vec::new();
    until("the NameNode knows of one slow disk", || {
        work();
        slow_us = told();
        slow_us.len() == 1
    });
    assert!(slow_us[0] >= 40_000, "{slow_us:?}");
    let status = status();
    let of_slow = status
        .split("\"dir\":")
        .find(|volume| volume.contains("data3"));
    assert!(of_slow.unwrap().contains("\"slow\":true"), "{status}");
    assert_eq!(status.matches("\"slow\":true").count(), 1, "{status}");
    break_disks(node, "");
    until("it is well again", || {
        work();
        told().is_empty()
    });
}
