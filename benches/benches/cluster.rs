//! A real cluster: a NameNode and three DataNodes as processes of this machine. Calls over gRPC, and a file through the
//! pipeline and back. Beside it, in the same run, what the same machine does with the same bytes without us: over one
//! loopback connection, and to the same disk with one fsync. A ratio of two figures says more than either.

use std::env;
use std::time::Duration;

use benches::hdfs::{Bed, Node};
use benches::machine::{loopback, write_and_sync};
use benches::{directory, measuring, size};
use clap::Parser;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group};

/// This program as one of the cluster's processes.
#[derive(Parser)]
struct Process {
    #[command(subcommand)]
    node: Node,
}

fn calls(c: &mut Criterion, bed: &Bed) {
    let mut group = c.benchmark_group("calls over gRPC");
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(if measuring() { 5 } else { 1 }));
    group.throughput(Throughput::Elements(1));
    let mut run = 0;
    for callers in [1, 8, 64] {
        group.bench_function(BenchmarkId::new("mkdirs, by callers", callers), |b| {
            b.iter_custom(|iters| {
                run += 1;
                bed.mkdirs(callers, iters, &format!("/run{run}"))
            });
        });
    }
    group.finish();
}

fn bytes(c: &mut Criterion, bed: &Bed) {
    let mib = size("MIB", 64, 1);
    let len = usize::try_from(mib << 20).unwrap_or(1 << 20);
    let bytes: Vec<u8> = (0..=250).cycle().take(len).collect();
    let mut group = c.benchmark_group(format!("a file of {mib} MiB"));
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(if measuring() { 10 } else { 1 }));
    group.throughput(Throughput::Bytes(mib << 20));
    group.bench_function("reference: one loopback connection", |b| {
        b.iter(|| loopback(&bytes).expect("the loopback works"));
    });
    let dir = directory();
    group.bench_function("reference: one file, written and synced", |b| {
        b.iter(|| write_and_sync(&bytes, dir.path()).expect("the disk takes everything"));
    });
    for replication in [1, 3] {
        let id = format!("write, {replication} replicas, synced on close");
        group.bench_function(id, |b| {
            b.iter(|| {
                let written = bed.put("/file", &bytes, replication);
                written.expect("the file can be written");
            });
        });
    }
    let mut buffer = Vec::with_capacity(len);
    group.bench_function("read, checksums verified", |b| {
        b.iter(|| bed.get("/file", &mut buffer).expect("the file can be read"));
    });
    assert!(buffer == bytes, "what was written is what is read");
    group.finish();
}

fn cluster(c: &mut Criterion) {
    let bed = Bed::start().expect("a cluster starts");
    calls(c, &bed);
    bytes(c, &bed);
}

criterion_group!(benches, cluster);

fn main() -> anyhow::Result<()> {
    match env::args().nth(1).as_deref() {
        Some("namenode" | "datanode") => Process::parse().node.run()?,
        _ => {
            benches();
            Criterion::default().configure_from_args().final_summary();
        }
    }
    Ok(())
}
