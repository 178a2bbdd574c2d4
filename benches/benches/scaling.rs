//! Nothing grows worse than it must: the same operations at a size and at ten times that size, and how many times longer
//! they take. This is no test, since a busy machine would fail it at random; it prints a table for a person to read.

use std::hint::black_box;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use benches::{
    Cluster, FILES_PER_DIRECTORY, block, blocks, create_and_close, datanode, files, heartbeat,
    path, pretend_synced, report, size,
};
use mini_hdfs::block::{DatanodeId, InodeId};
use mini_hdfs::namenode::block_manager::BlockManager;
use mini_hdfs::namenode::{Config, NameNode};
use mini_hdfs::protocol::{AddBlockRequest, BlockEvent};
use node::{MemDisk, Rng, Time};

/// How the time may grow when the size grows tenfold. Caches hold less of what is larger, hence the slack: what grows
/// with the square would take a hundred times as long.
#[derive(Clone, Copy)]
enum Growth {
    /// Hardly at all: constant, or with the logarithm.
    Flat,
    /// With the size.
    Linear,
}

struct Row {
    what: &'static str,
    growth: Growth,
    small: Duration,
    large: Duration,
}

/// The shortest of several runs: what disturbs a run only makes it longer.
fn shortest(runs: usize, mut run: impl FnMut() -> Duration) -> Duration {
    (0..runs).map(|_| run()).min().unwrap_or_default()
}

/// How long a call takes, of so many.
fn timed(times: u32, mut call: impl FnMut(u32)) -> Duration {
    let start = Instant::now();
    (0..times).for_each(&mut call);
    start.elapsed() / times
}

fn stat(namenode: &NameNode, count: u64) -> Duration {
    let mut rng = Rng::new(7);
    shortest(5, || {
        timed(10_000, |_| {
            black_box(namenode.get_file_info(&path(rng.below(count)))).expect("a valid path");
        })
    })
}

fn list(namenode: &NameNode, count: u64) -> Duration {
    let mut rng = Rng::new(7);
    shortest(5, || {
        timed(20, |_| {
            let directory = format!("/d{:05}", rng.below(count.div_ceil(FILES_PER_DIRECTORY)));
            black_box(namenode.get_listing(&directory, "")).expect("a valid path");
        })
    })
}

fn create(namenode: &mut NameNode) -> Duration {
    shortest(5, || {
        let took = timed(1000, |n| create_and_close(namenode, format!("/new/{n}")));
        namenode
            .delete("/new", true, Time::ZERO)
            .expect("it is there");
        pretend_synced(namenode);
        took
    })
}

/// A page of a thousand from the middle of one directory of `count` files.
fn page(count: u64) -> Duration {
    let mut namenode = benches::namenode();
    for n in 0..count {
        create_and_close(&mut namenode, format!("/one/f{n:07}"));
    }
    let middle = format!("f{:07}", count / 2);
    shortest(5, || {
        timed(20, |_| {
            black_box(namenode.get_listing("/one", &middle)).expect("a valid path");
        })
    })
}

/// Recovery of a file system whose edits were never checkpointed.
fn replay(count: u64) -> Duration {
    let mut disk = MemDisk::default();
    NameNode::format(&mut disk, &mut Rng::new(1)).expect("an empty disk can be formatted");
    let load = |disk: &mut MemDisk| {
        NameNode::load(Config::default(), disk, Time::ZERO).expect("a sound disk loads")
    };
    let mut namenode = load(&mut disk);
    for n in 0..count {
        create_and_close(&mut namenode, path(n));
    }
    while let Some(batch) = namenode.begin_sync() {
        batch.write(&mut disk).expect("memory takes everything");
        namenode.end_sync(&batch);
    }
    shortest(3, || {
        let mut disk = disk.clone();
        timed(1, |_| drop(black_box(load(&mut disk))))
    })
}

fn place(cluster: &mut Cluster) -> Duration {
    let request = AddBlockRequest {
        inode: InodeId(16_386),
        client: "bench".to_owned(),
        previous: None,
        exclude: Vec::new(),
        client_host: Some("dn17".to_owned()),
    };
    let Cluster {
        manager, now, rng, ..
    } = cluster;
    shortest(5, || {
        timed(1000, |_| {
            let chosen = manager.choose_pipeline(&request, 3, 128 << 20, *now, rng);
            black_box(chosen).expect("there is room");
        })
    })
}

fn beat(cluster: &mut Cluster) -> Duration {
    let alive = cluster.alive.clone();
    shortest(5, || {
        timed(10_000, |n| {
            let index = n as usize % alive.len();
            let (id, registration) = alive[index];
            black_box(
                cluster
                    .manager
                    .heartbeat(&heartbeat(id, registration), cluster.now),
            );
        })
    })
}

/// One block is deleted on its DataNode and received again.
fn event(cluster: &mut Cluster) -> Duration {
    let (id, registration) = cluster.alive[0];
    shortest(5, || {
        timed(1000, |_| {
            for event in [
                BlockEvent::Deleted(block(0)),
                BlockEvent::Received(block(0)),
            ] {
                cluster
                    .manager
                    .incremental_block_report(id, registration, &[event], cluster.now)
                    .expect("it is registered");
            }
        })
    })
}

fn idle_round(cluster: &mut Cluster) -> Duration {
    shortest(5, || {
        cluster.next_round();
        let start = Instant::now();
        cluster.manager.tick(cluster.now, &mut cluster.rng);
        start.elapsed()
    })
}

/// A report that tells nothing new.
fn again(count: u64) -> Duration {
    let mut manager = BlockManager::new(&Config::default(), blocks(count, 1), Time::ZERO);
    let registration = manager.register(datanode(1), Time::ZERO, &mut Rng::new(1));
    let registration = registration.expect("a DataNode can register");
    let all = report(0..count);
    shortest(3, || {
        timed(1, |_| {
            manager
                .block_report(DatanodeId(1), registration, &all, Time::ZERO)
                .expect("it is registered");
        })
    })
}

fn rows() -> Vec<Row> {
    use Growth::{Flat, Linear};
    let large_files = size("FILES", 1_000_000, 2_000);
    let large_blocks = size("BLOCKS", 1_000_000, 10_000);
    let nodes = size("NODES", 1_000, 200);
    let mut rows = Vec::new();
    let mut row = |what, growth, small, large| {
        rows.push(Row {
            what,
            growth,
            small,
            large,
        });
    };
    {
        let small_files = large_files / 10;
        let (mut small, mut large) = (files(small_files), files(large_files));
        row(
            "stat, by files",
            Flat,
            stat(&small, small_files),
            stat(&large, large_files),
        );
        row(
            "list 1000 entries, by files",
            Flat,
            list(&small, small_files),
            list(&large, large_files),
        );
        row(
            "create, by files",
            Flat,
            create(&mut small),
            create(&mut large),
        );
    }
    row(
        "list 1000 entries, by the directory's",
        Flat,
        page(large_files / 100),
        page(large_files / 10),
    );
    row(
        "recovery, by edits",
        Linear,
        replay(large_files / 100),
        replay(large_files / 10),
    );
    {
        let (mut small, mut large) = (
            Cluster::new(nodes, large_blocks / 10),
            Cluster::new(nodes, large_blocks),
        );
        row(
            "a heartbeat, by blocks",
            Flat,
            beat(&mut small),
            beat(&mut large),
        );
        row(
            "an incremental report, by blocks",
            Flat,
            event(&mut small),
            event(&mut large),
        );
        row(
            "a round without work, by blocks",
            Flat,
            idle_round(&mut small),
            idle_round(&mut large),
        );
        row(
            "place a block, by blocks",
            Flat,
            place(&mut small),
            place(&mut large),
        );
    }
    {
        let (mut small, mut large) = (
            Cluster::new(nodes / 2, nodes),
            Cluster::new(nodes * 5, nodes),
        );
        row(
            "place a block, by nodes",
            Linear,
            place(&mut small),
            place(&mut large),
        );
        row(
            "a heartbeat, by nodes",
            Flat,
            beat(&mut small),
            beat(&mut large),
        );
        row(
            "a round without work, by nodes",
            Linear,
            idle_round(&mut small),
            idle_round(&mut large),
        );
    }
    row(
        "a full report, by its blocks",
        Linear,
        again(large_blocks / 10),
        again(large_blocks),
    );
    rows
}

fn main() -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(
        out,
        "| operation | n | 10 n | ratio | should be at most | |"
    )?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | --- |")?;
    for row in rows() {
        let ratio = row.large.as_secs_f64() / row.small.as_secs_f64().max(1e-9);
        let most = match row.growth {
            Growth::Flat => 5.0,
            Growth::Linear => 30.0,
        };
        let verdict = if ratio <= most { "ok" } else { "GROWS" };
        let Row {
            what, small, large, ..
        } = row;
        writeln!(
            out,
            "| {what} | {small:.1?} | {large:.1?} | {ratio:.1} | {most} | {verdict} |"
        )?;
    }
    Ok(())
}
