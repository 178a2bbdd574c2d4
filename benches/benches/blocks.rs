//! What the block manager decides at a thousand DataNodes and a million blocks.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::{Cluster, blocks, datanode, report, size};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mini_hdfs::block::{BlockId, DatanodeId, InodeId};
use mini_hdfs::namenode::Config;
use mini_hdfs::namenode::block_manager::BlockManager;
use mini_hdfs::protocol::{AddBlockRequest, RegistrationId, ReportedReplica};
use node::{Rng, Time};

fn placement(c: &mut Criterion) {
    let nodes = size("NODES", 1_000, 100);
    let mut cluster = Cluster::new(nodes, 10 * nodes);
    let mut group = c.benchmark_group("blocks");
    for (whose, client_host) in [("a DataNode's", Some("dn17")), ("a stranger's", None)] {
        let request = AddBlockRequest {
            inode: InodeId(16_386),
            client: "bench".to_owned(),
            previous: None,
            exclude: Vec::new(),
            client_host: client_host.map(str::to_owned),
        };
        let id = BenchmarkId::new(format!("place {whose} block"), format!("{nodes} nodes"));
        group.bench_function(id, |b| {
            let Cluster {
                manager, now, rng, ..
            } = &mut cluster;
            b.iter(|| {
                let chosen = manager.choose_pipeline(&request, 3, 128 << 20, *now, rng);
                assert_eq!(chosen.map(|nodes| nodes.len()), Ok(3));
            });
        });
    }
    group.finish();
}

/// A round with nothing to do; then a tenth of the nodes is dead, and every round is given as many copies as it can
/// hand out: two for each node that is alive.
fn replication(c: &mut Criterion) {
    let (nodes, count) = (size("NODES", 1_000, 100), size("BLOCKS", 1_000_000, 10_000));
    let mut cluster = Cluster::new(nodes, count);
    let round = |cluster: &mut Cluster| {
        cluster.next_round();
        let start = Instant::now();
        while cluster.manager.tick(cluster.now, &mut cluster.rng) {}
        start.elapsed()
    };
    let sizes = format!("{nodes} nodes, {count} blocks");
    let mut group = c.benchmark_group("blocks");
    group.sample_size(10);
    group.bench_function(BenchmarkId::new("a round without work", &sizes), |b| {
        b.iter_custom(|iters| (0..iters).map(|_| round(&mut cluster)).sum());
    });

    cluster.alive.retain(|(id, _)| id.0 % 10 != 3);
    cluster.live_through(cluster.config.dead_interval() + Duration::from_secs(60));
    let rounds = 10;
    let copies: usize = (0..rounds)
        .map(|_| {
            while cluster.manager.tick(cluster.now, &mut cluster.rng) {}
            cluster.next_round()
        })
        .sum();
    let copies = copies / rounds;
    assert!(copies > 0, "there is work");
    group.throughput(Throughput::Elements(copies as u64));
    let id = BenchmarkId::new(format!("a round of {copies} copies"), &sizes);
    group.bench_function(id, |b| {
        b.iter_custom(|iters| (0..iters).map(|_| round(&mut cluster)).sum());
    });
    // Nobody else has the NameNode's lock for so long.
    let id = BenchmarkId::new(
        format!("the longest step of a round of {copies} copies"),
        &sizes,
    );
    group.throughput(Throughput::Elements(1));
    group.bench_function(id, |b| {
        let longest = |cluster: &mut Cluster| {
            cluster.next_round();
            cluster.longest_step()
        };
        b.iter_custom(|iters| (0..iters).map(|_| longest(&mut cluster)).sum());
    });
    group.finish();
}

/// Takes a report in parts of as many replicas as the RPC's have; returns how long the longest took.
fn longest_part(
    manager: &mut BlockManager,
    registration: RegistrationId,
    all: &[ReportedReplica],
) -> Duration {
    let id = DatanodeId(1);
    let (mut longest, mut last) = (Duration::ZERO, None);
    let begun = manager.begin_block_report(id, registration, None, Time::ZERO);
    assert_eq!(begun, Ok(()));
    let mut parts = all.chunks(2_000).peekable();
    while let Some(part) = parts.next() {
        last = parts.peek().and_then(|_| part.last()).map(|r| r.block.id);
        let start = Instant::now();
        let end = last.unwrap_or(BlockId(u64::MAX));
        let taken = manager.block_report_part(id, registration, None, part, end, Time::ZERO);
        longest = longest.max(start.elapsed());
        assert_eq!(taken, Ok(()));
    }
    assert_eq!(last, None, "the last part reaches to the end");
    let start = Instant::now();
    assert_eq!(manager.end_block_report(id, registration, None), Ok(()));
    longest.max(start.elapsed())
}

fn block_report(c: &mut Criterion) {
    let count = size("BLOCKS", 1_000_000, 10_000);
    let all = report(0..count);
    let id = DatanodeId(1);
    let mut rng = Rng::new(1);
    let mut fresh = || {
        let mut manager = BlockManager::new(&Config::default(), blocks(count, 1), Time::ZERO);
        let registration = manager.register(datanode(1), Time::ZERO, &mut rng);
        (manager, registration.expect("a DataNode can register"))
    };
    let mut group = c.benchmark_group("blocks");
    group.sample_size(10);
    group.throughput(Throughput::Elements(count));
    group.bench_function(
        BenchmarkId::new("first report", format!("{count} blocks")),
        |b| {
            b.iter_custom(|iters| {
                let one = || {
                    let (mut manager, registration) = fresh();
                    let start = Instant::now();
                    let taken = manager.block_report(id, registration, &all, Time::ZERO);
                    let took = start.elapsed();
                    assert_eq!(taken, Ok(()));
                    took
                };
                std::iter::repeat_with(one)
                    .take(usize::try_from(iters).unwrap_or(1))
                    .sum()
            });
        },
    );
    group.throughput(Throughput::Elements(1));
    group.bench_function(
        BenchmarkId::new(
            "the longest part of a first report",
            format!("{count} blocks"),
        ),
        |b| {
            b.iter_custom(|iters| {
                let one = || {
                    let (mut manager, registration) = fresh();
                    longest_part(&mut manager, registration, &all)
                };
                std::iter::repeat_with(one)
                    .take(usize::try_from(iters).unwrap_or(1))
                    .sum()
            });
        },
    );
    group.throughput(Throughput::Elements(count));
    let (mut manager, registration) = fresh();
    group.bench_function(
        BenchmarkId::new("the same report again", format!("{count} blocks")),
        |b| {
            b.iter(|| {
                let taken = manager.block_report(id, registration, black_box(&all), Time::ZERO);
                assert_eq!(taken, Ok(()));
            });
        },
    );
    group.finish();
}

criterion_group!(benches, placement, replication, block_report);
criterion_main!(benches);
