//! Operations of the NameNode's core on a million files, one caller, without the disk: the shape of HDFS's
//! `NNThroughputBenchmark`. What the disk adds is in `group_commit`.

use std::hint::black_box;
use std::time::{Duration, Instant};

use benches::{
    FILES_PER_DIRECTORY, create_and_close, files, path, permission, pretend_synced, size,
};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mini_hdfs::namenode::NameNode;
use node::{Rng, Time};

/// The time of `change` on files `/new/…`, which are made and taken away beside the clock.
fn on_new_files(
    namenode: &mut NameNode,
    count: u64,
    exist: bool,
    mut change: impl FnMut(&mut NameNode, u64),
) -> Duration {
    let name = |n: u64| format!("/new{}", path(n));
    for n in 0..count {
        if exist {
            create_and_close(namenode, name(n));
        }
    }
    pretend_synced(namenode);
    let start = Instant::now();
    for n in 0..count {
        change(namenode, n);
    }
    let took = start.elapsed();
    for top in ["/new", "/moved"] {
        namenode
            .delete(top, true, Time::ZERO)
            .expect("new files can be deleted");
    }
    pretend_synced(namenode);
    took
}

fn namespace(c: &mut Criterion) {
    let count = size("FILES", 1_000_000, 2_000);
    let mut namenode = files(count);
    let mut rng = Rng::new(7);
    let mut group = c.benchmark_group("namespace");
    let id = |operation: &str| BenchmarkId::new(operation, format!("{count} files"));
    let now = Time::ZERO;

    group.bench_function(id("stat"), |b| {
        b.iter(|| black_box(namenode.get_file_info(&path(rng.below(count)))));
    });
    group.bench_function(id("create and close"), |b| {
        b.iter_custom(|iters| {
            on_new_files(&mut namenode, iters, false, |namenode, n| {
                create_and_close(namenode, format!("/new{}", path(n)));
            })
        });
    });
    group.bench_function(id("mkdirs"), |b| {
        b.iter_custom(|iters| {
            on_new_files(&mut namenode, iters, false, |namenode, n| {
                let made = namenode.mkdirs(&format!("/new{}", path(n)), true, &permission(), now);
                assert_eq!(made, Ok(()));
            })
        });
    });
    group.bench_function(id("rename"), |b| {
        b.iter_custom(|iters| {
            let made = namenode.mkdirs("/moved", true, &permission(), now);
            assert_eq!(made, Ok(()));
            on_new_files(&mut namenode, iters, true, |namenode, n| {
                let moved =
                    namenode.rename(&format!("/new{}", path(n)), &format!("/moved/{n}"), now);
                assert_eq!(moved, Ok(()));
            })
        });
    });
    group.bench_function(id("delete"), |b| {
        b.iter_custom(|iters| {
            on_new_files(&mut namenode, iters, true, |namenode, n| {
                let deleted = namenode.delete(&format!("/new{}", path(n)), false, now);
                assert_eq!(deleted, Ok(true));
            })
        });
    });
    group.throughput(Throughput::Elements(FILES_PER_DIRECTORY.min(count)));
    group.bench_function(id("list a directory of 1000"), |b| {
        let directories = count.div_ceil(FILES_PER_DIRECTORY);
        b.iter(|| {
            let directory = format!("/d{:05}", rng.below(directories));
            black_box(namenode.get_listing(&directory, ""))
        });
    });
    group.finish();
}

criterion_group!(benches, namespace);
criterion_main!(benches);
