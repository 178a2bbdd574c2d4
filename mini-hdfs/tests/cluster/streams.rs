//! The client's streams, against real DataNodes.

use std::io::{Read, Seek, SeekFrom, Write};
use std::time::{Duration, Instant};

use mini_hdfs::server::dfs_client::{CreateOptions, DfsClient};

use crate::harness::{World, blocks, bytes, get, put, until};

const BLOCK: usize = 256 << 10;

fn read_range(client: &DfsClient, path: &str, offset: u64, len: u64) -> Vec<u8> {
    let (mut file, mut got) = (client.open(path).unwrap(), Vec::new());
    file.set_range(offset, len);
    file.read_to_end(&mut got).unwrap();
    got
}

#[test]
fn ranges_and_seeks_cross_blocks() {
    let world = World::start(1, &[]);
    let (client, contents) = (world.client(), bytes(1, 2 * BLOCK + 777));
    put(&client, "/f", &contents).unwrap();
    for (offset, len) in [
        (0, 1),
        (511, 2),
        (BLOCK - 1, 2),
        (BLOCK, BLOCK),
        (700, contents.len()),
    ] {
        let got = read_range(&client, "/f", offset as u64, len as u64);
        let end = contents.len().min(offset + len);
        assert!(got == contents[offset..end], "{len} bytes from {offset}");
    }
    assert!(read_range(&client, "/f", 10_000_000, 5).is_empty());

    let mut file = client.open("/f").unwrap();
    let mut four = [0; 4];
    for offset in [2 * BLOCK - 2, 3, BLOCK + 100_000] {
        file.seek(SeekFrom::Start(offset as u64)).unwrap();
        file.read_exact(&mut four).unwrap();
        assert_eq!(four, contents[offset..offset + 4]);
    }
    file.seek(SeekFrom::End(-4)).unwrap();
    file.read_exact(&mut four).unwrap();
    assert_eq!(four, contents[contents.len() - 4..]);
    assert_eq!(file.read(&mut four).unwrap(), 0);
    assert!(file.seek(SeekFrom::Current(-10_000_000)).is_err());
}

#[test]
fn what_is_flushed_is_seen_while_the_file_is_written() {
    let world = World::start(2, &[]);
    let (client, contents) = (world.client(), bytes(2, BLOCK + 3000));
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.hflush().unwrap();
    assert!(get(&client, "/f").is_empty());
    let mut written = 0;
    // In the middle of a chunk, at its end, in the middle of a packet, across two blocks.
    for (i, end) in [
        100,
        700,
        1024,
        1024,
        100_000,
        BLOCK,
        BLOCK + 1,
        contents.len(),
    ]
    .into_iter()
    .enumerate()
    {
        out.write_all(&contents[written..end]).unwrap();
        written = end;
        if i % 2 == 0 {
            out.hflush().unwrap();
        } else {
            out.hsync().unwrap();
        }
        assert!(
            get(&client, "/f") == contents[..end],
            "the first {end} bytes"
        );
    }
    out.close().unwrap();
    assert!(get(&client, "/f") == contents);
}

#[test]
fn an_idle_writer_keeps_its_pipeline() {
    let timeout = Duration::from_secs(2);
    let world = World::start(2, &["dfs.client.socket-timeout=2s"]);
    let mut settings = world.client_settings();
    settings.socket_timeout = timeout;
    let client = DfsClient::connect(settings).unwrap();
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(b"before").unwrap();
    out.hflush().unwrap();
    let block = blocks(&client, "/f")[0].block;
    let began = Instant::now();
    until("it was idle for long", || began.elapsed() > 2 * timeout);
    out.write_all(b" and after").unwrap();
    out.close().unwrap();
    let now = blocks(&client, "/f")[0].block;
    assert_eq!(now.generation, block.generation, "the pipeline was rebuilt");
    assert_eq!(get(&client, "/f"), b"before and after");
}

#[test]
fn a_file_that_is_dropped_stays_open_and_keeps_what_was_flushed() {
    let world = World::start(1, &[]);
    let client = world.client();
    let mut out = client.create("/f", CreateOptions::default()).unwrap();
    out.write_all(b"half").unwrap();
    out.hflush().unwrap();
    drop(out);
    assert!(client.stat("/f").unwrap().unwrap().under_construction);
    assert!(client.create("/f", CreateOptions::default()).is_err());
    assert!(client.delete("/f", false).unwrap());
}

#[test]
fn when_every_datanode_is_gone_both_sides_say_so() {
    let mut world = World::start(2, &[]);
    let client = world.client();
    put(&client, "/read", &bytes(3, 1000)).unwrap();
    until("both replicas are known", || {
        blocks(&client, "/read")[0].locations.len() == 2
    });
    // Of two replicas, one that fails is not replaced.
    let options = CreateOptions {
        replication: 2,
        ..CreateOptions::default()
    };
    let mut out = client.create("/written", options).unwrap();
    out.write_all(b"half").unwrap();
    out.hflush().unwrap();
    let mut file = client.open("/read").unwrap();
    for node in &mut world.cluster.datanodes {
        node.kill();
    }
    let error = out.close().unwrap_err().to_string();
    assert!(error.contains("every DataNode that blk_"), "{error}");
    let error = file.read_to_end(&mut Vec::new()).unwrap_err().to_string();
    assert!(
        error.contains("cannot read /read: cannot read blk_"),
        "{error}"
    );
    for node in &world.cluster.datanodes {
        let address = node.address("address").unwrap();
        assert!(error.contains(address), "{address} is missing: {error}");
    }
}
