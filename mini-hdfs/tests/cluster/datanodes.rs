//! What the death of a DataNode, and a disk that lies, do to readers and writers: nothing that they see.

use std::fs;
use std::io::{Read, Write};
use std::time::Duration;

use mini_hdfs::block::DatanodeInfo;
use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};

use crate::harness::{SOON, World, blocks, bytes, fsck, get, is_healthy, put, until};

const BLOCK: usize = 256 << 10;

/// Writes a file, and calls `strike` when the first half of its first block is in the pipeline whose nodes it is
/// given. Returns what was written.
fn write_through(
    world: &mut World,
    client: &DfsClient,
    path: &str,
    strike: impl FnOnce(&mut World, &[DatanodeInfo]),
) -> Vec<u8> {
    let contents = bytes(1, 3 * BLOCK + 1000);
    let (before, after) = contents.split_at(BLOCK / 2 + 100);
    let mut out = client
        .create(path, CreateOptions::default())
        .expect("a new file");
    out.write_all(before).expect("the first half is written");
    out.hflush().expect("the first half is flushed");
    let pipeline = blocks(client, path).remove(0).locations;
    assert_eq!(pipeline.len(), 3);
    strike(world, &pipeline);
    out.write_all(after).expect("the rest is written");
    out.close().expect("the file is closed");
    assert_eq!(get(client, path), contents);
    contents
}

#[test]
fn a_datanode_killed_in_mid_write_costs_nothing() {
    let mut world = World::start(4, &[]);
    let client = world.client();
    for position in 0..3 {
        let path = format!("/f{position}");
        let mut victim = None;
        let contents = write_through(&mut world, &client, &path, |world, pipeline| {
            world.datanode(&pipeline[position].address).kill();
            victim = Some(pipeline[position].clone());
        });
        until("every block has three replicas again", || {
            is_healthy(&client, &path)
        });
        let victim = victim.unwrap();
        for block in fsck(&client, &path) {
            assert!(block.replicas.iter().all(|(node, _)| node.id != victim.id));
        }
        assert_eq!(get(&client, &path), contents);
        world.datanode(&victim.address).start(SOON).unwrap();
        until("it is back", || {
            client.status().unwrap().live_datanodes == 4
        });
    }
}

#[test]
fn a_datanode_killed_in_mid_write_is_replaced_at_once() {
    let mut world = World::start(4, &[]);
    let client = world.client();
    let contents = bytes(7, BLOCK);
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(&contents[..100_001]).unwrap();
    out.hflush().unwrap();
    let before = blocks(&client, "/f").remove(0);
    let victim = before.locations[1].address.clone();
    world.datanode(&victim).kill();
    out.write_all(&contents[100_001..200_000]).unwrap();
    out.hflush().unwrap();
    let after = blocks(&client, "/f").remove(0);
    assert!(after.block.generation > before.block.generation);
    let nodes: Vec<&str> = after.locations.iter().map(|n| n.address.as_str()).collect();
    assert!(nodes.len() == 3 && !nodes.contains(&victim.as_str()));
    // Each of the three has all that was flushed, from the first byte on.
    for node in &after.locations {
        let mut settings = world.client_settings();
        settings.host = Some(node.hostname.clone());
        let reader = DfsClient::connect(settings).unwrap();
        assert_eq!(get(&reader, "/f"), contents[..200_000]);
    }
    // Of the next two, one cannot be replaced: there are only two nodes left then, and HDFS's default asks for more.
    for node in &after.locations[..2] {
        world.datanode(&node.address).kill();
    }
    // Whichever call comes first after the writer has noticed.
    let refused = match out.write_all(&contents[200_000..]) {
        Ok(()) => out.close().unwrap_err().to_string(),
        Err(error) => error.to_string(),
    };
    assert!(refused.contains("best-effort=true"), "{refused}");
    assert_eq!(get(&client, "/f"), contents[..200_000]);
}

#[test]
fn a_datanode_paused_in_mid_write_is_left_behind() {
    // Whoever is next to a silent node gives it up a twelfth of this before the one above him does. On a busy machine it may
    // happen the other way round, and then a good node is given up; so there are more than it takes.
    let mut world = World::start(6, &["dfs.client.socket-timeout=2s"]);
    let mut settings = world.client_settings();
    settings.socket_timeout = Duration::from_secs(2);
    let client = DfsClient::connect(settings).unwrap();
    let mut victim = String::new();
    let contents = write_through(&mut world, &client, "/f", |world, pipeline| {
        victim.clone_from(&pipeline[2].address);
        world.datanode(&victim).pause().unwrap();
    });
    // It comes back with a replica that missed half of the block, and must not be read from.
    world.datanode(&victim).resume().unwrap();
    until("every block has three replicas", || {
        is_healthy(&client, "/f")
    });
    assert_eq!(get(&client, "/f"), contents);
}

#[test]
fn a_datanode_killed_in_mid_read_costs_nothing() {
    let mut world = World::start(3, &[]);
    let client = world.client();
    // Large enough that it cannot all be on its way already.
    let contents = bytes(2, 24 << 20);
    let options = CreateOptions {
        block_size: 32 << 20,
        ..CreateOptions::default()
    };
    let mut out = client.create("/f", options).unwrap();
    out.write_all(&contents).unwrap();
    out.close().unwrap();
    until("all replicas are known", || is_healthy(&client, "/f"));

    let mut settings = world.client_settings();
    settings.host = Some("dn2".to_owned());
    let reader = DfsClient::connect(settings).unwrap();
    let first = blocks(&reader, "/f").remove(0).locations.remove(0);
    assert_eq!(first.hostname, "dn2", "a reader's own node is the nearest");
    let mut file = reader.open("/f").unwrap();
    let mut read = vec![0; 1 << 20];
    file.read_exact(&mut read).unwrap();
    world.datanode(&first.address).kill();
    file.read_to_end(&mut read).unwrap();
    assert!(read == contents, "what was read is not what was written");
}

#[test]
fn a_flipped_byte_is_noticed_reported_and_mended() {
    let world = World::start(4, &[]);
    let contents = bytes(3, BLOCK);
    put(&world.client(), "/f", &contents).unwrap();
    // A file is closed once one replica of each block has been reported; here all shall be known.
    let client = world.client();
    until("all replicas are known", || is_healthy(&client, "/f"));
    let located = blocks(&client, "/f").remove(0);
    let victim = &located.locations[0];

    let path = world.block_file(&victim.hostname, located.block).unwrap();
    let mut on_disk = fs::read(&path).unwrap();
    assert_eq!(on_disk, contents);
    on_disk[BLOCK / 2] ^= 1;
    fs::write(&path, &on_disk).unwrap();

    // The reader begins with the bad replica, since it stands on the same machine.
    let mut settings = world.client_settings();
    settings.host = Some(victim.hostname.clone());
    let client = DfsClient::connect(settings).unwrap();
    assert_eq!(get(&client, "/f"), contents);
    until(
        "the block has three good replicas and no corrupt one",
        || is_healthy(&client, "/f"),
    );
    let replicas = fsck(&client, "/f").remove(0).replicas;
    for (node, _) in replicas {
        let path = world.block_file(&node.hostname, located.block).unwrap();
        assert_eq!(
            fs::read(path).unwrap(),
            contents,
            "the replica on {}",
            node.hostname
        );
    }
}

#[test]
fn a_paused_datanode_is_given_up_and_comes_back() {
    let mut world = World::start(3, &[]);
    let client = world.client();
    put(&client, "/f", &bytes(4, BLOCK)).unwrap();
    world.cluster.datanodes[0].pause().unwrap();
    until("it counts as dead", || {
        client.status().unwrap().dead_datanodes == 1
    });
    world.cluster.datanodes[0].resume().unwrap();
    until("it is back with its replicas", || {
        client.status().unwrap().live_datanodes == 3 && is_healthy(&client, "/f")
    });
}
