//! mini-kafka's log, without a network: batches, appends to a real file, look-ups, a compaction pass.

use std::hint::black_box;

use benches::size;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mini_kafka::log::index::OffsetIndex;
use mini_kafka::partition::{LogConfig, Partition};
use mini_kafka::record::batch::RecordBatch;
use mini_kafka::record::builder::BatchBuilder;
use mini_kafka::record::compression::Compression;
use node::{FileDisk, MemDisk, Rng, Time};

const NOW: Time = Time::from_millis(1_700_000_000_000);
const NOW_MS: i64 = 1_700_000_000_000;

/// A batch of about 16 KiB, as a producer with default settings makes them.
fn batch(record_bytes: usize, rng: &mut Rng, keys: u64) -> Vec<u8> {
    let mut builder = BatchBuilder::new(Compression::None);
    let value = vec![b'v'; record_bytes];
    while builder.len() < 16_000 {
        let key = rng.below(keys).to_be_bytes();
        builder.push(NOW_MS, Some(&key), Some(&value), &[]);
    }
    builder.build().expect("no codec is needed")
}

fn codec(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka codec");
    for record_bytes in [100, 1024] {
        let bytes = batch(record_bytes, &mut Rng::new(1), 1000);
        let parsed = RecordBatch::parse(&bytes).expect("it was just made");
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(BenchmarkId::new("checksum", record_bytes), |b| {
            b.iter(|| black_box(&parsed).check_crc());
        });
        group.bench_function(BenchmarkId::new("decode", record_bytes), |b| {
            b.iter(|| {
                let payload = black_box(&parsed).payload().expect("it is good");
                payload.records().filter(Result::is_ok).count()
            });
        });
        group.bench_function(BenchmarkId::new("encode", record_bytes), |b| {
            b.iter(|| batch(record_bytes, &mut Rng::new(1), 1000));
        });
    }
    group.finish();
}

/// Validated, stamped, written, not synced: what `acks=1` costs the broker behind its socket. Segments are small, and retention removes them,
/// so that the disk does not fill.
fn append(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka append");
    for record_bytes in [100, 1024] {
        let dir = tempfile::tempdir().expect("a directory for the log");
        let mut disk = FileDisk::open(dir.path()).expect("a directory for the log");
        let config = LogConfig {
            segment_bytes: 64 << 20,
            retention_bytes: 128 << 20,
            ..LogConfig::default()
        };
        let opened = Partition::open(&mut disk, "bench-0", config, NOW);
        let (mut partition, _) = opened.expect("an empty directory");
        let mut bytes = batch(record_bytes, &mut Rng::new(1), 1000);
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(
            BenchmarkId::new("16 KiB, of records of", record_bytes),
            |b| {
                let mut count = 0u32;
                b.iter(|| {
                    let appended = partition.append(&mut disk, &mut bytes, NOW);
                    count += 1;
                    if count.is_multiple_of(4096) {
                        partition
                            .tick(&mut disk, NOW)
                            .expect("old segments can be removed");
                    }
                    appended.expect("there is room")
                });
            },
        );
    }
    group.finish();
}

/// An index of a segment of 1 GiB; and a read from a random offset, which walks over headers in a file.
fn look_up(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka look-up");
    let mut index = OffsetIndex::default();
    for n in 0..262_144u32 {
        index.push(n * 40, n * 4096);
    }
    let mut rng = Rng::new(2);
    group.bench_function("index of 262,144 entries", |b| {
        b.iter(|| index.lookup(u32::try_from(rng.below(262_144 * 40)).unwrap_or(0)));
    });
    let dir = tempfile::tempdir().expect("a directory for the log");
    let mut disk = FileDisk::open(dir.path()).expect("a directory for the log");
    let opened = Partition::open(&mut disk, "bench-0", LogConfig::default(), NOW);
    let (mut partition, _) = opened.expect("an empty directory");
    for _ in 0..size("KAFKA_BATCHES", 10_000, 100) {
        let mut bytes = batch(100, &mut rng, 1000);
        let appended = partition.append(&mut disk, &mut bytes, NOW);
        appended.expect("there is room");
    }
    let end = partition.high_watermark().cast_unsigned();
    group.bench_function("read from a random offset", |b| {
        b.iter(|| {
            let offset = rng.below(end).cast_signed();
            partition
                .read(&disk, offset, 1 << 20)
                .expect("the offset is there")
        });
    });
    group.finish();
}

/// A pass over 64 MiB, in memory, of which a tenth stays.
fn compaction(c: &mut Criterion) {
    let mut group = c.benchmark_group("kafka compaction");
    group.sample_size(10);
    let batches = size("KAFKA_CLEANED", 4_000, 100);
    let mut disk = MemDisk::default();
    let mut config = LogConfig {
        segment_bytes: 8 << 20,
        ..LogConfig::default()
    };
    config.cleanup_policy.compact = true;
    let opened = Partition::open(&mut disk, "bench-0", config, NOW);
    let (mut partition, _) = opened.expect("an empty disk");
    let (mut rng, mut bytes) = (Rng::new(3), 0);
    let keys = batches * 128 / 10;
    for _ in 0..batches {
        let mut batch = batch(100, &mut rng, keys);
        bytes += batch.len() as u64;
        partition
            .append(&mut disk, &mut batch, NOW)
            .expect("there is room");
    }
    let pending = partition.begin_sync().expect("nothing is synced yet");
    pending.write(&mut disk).expect("memory cannot fail");
    partition.end_sync(&pending);
    group.throughput(Throughput::Bytes(bytes));
    group.bench_function(
        BenchmarkId::new("a pass", format!("{batches} batches")),
        |b| {
            b.iter_batched(
                || disk.clone(),
                |mut disk| {
                    let plan = partition.plan_cleaning(NOW);
                    let plan = plan.expect("most records have a later one of their key");
                    plan.run(&mut disk, NOW).expect("memory cannot fail")
                },
                BatchSize::PerIteration,
            );
        },
    );
    group.finish();
}

criterion_group!(benches, codec, append, look_up, compaction);
criterion_main!(benches);
