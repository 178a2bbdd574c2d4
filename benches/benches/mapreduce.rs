//! mini-mapreduce's engine without a disk: the sort buffer with and without a fold, sort and spill, merge, partitioners; and what a table's rows cost as text.

use std::hint::black_box;
use std::io::Cursor;

use benches::size;
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use mini_mapreduce::buffer::SortBuffer;
use mini_mapreduce::input::Files;
use mini_mapreduce::job::{JobSpec, Settings, Split};
use mini_mapreduce::jobs;
use mini_mapreduce::memory::{MemoryFiles, MemoryScratch, NoProgress};
use mini_mapreduce::merge::Merge;
use mini_mapreduce::partition::{hash_partition, range_of, split_points};
use mini_mapreduce::segment::{Compression, SegmentReader, SegmentWriter};
use mini_mapreduce::server::files::FileSystems;
use mini_mapreduce::server::local;
use mini_mapreduce::task::{run_map, run_map_only};
use node::Rng;

fn spec(program: &str, args: &[String], reduces: u32) -> JobSpec {
    JobSpec {
        program: program.to_owned(),
        args: args.to_vec(),
        inputs: vec!["in".to_owned()],
        output: "out".to_owned(),
        reduces,
        settings: Settings::default(),
    }
}

/// What a generator makes, as a file.
fn generated(program: &str, args: &[String], rows: u64) -> Vec<u8> {
    let spec = spec(program, args, 0);
    let program = jobs::program(&spec).expect("its arguments are right");
    let split = Split {
        path: "rows".to_owned(),
        offset: 0,
        length: rows,
        hosts: Vec::new(),
        racks: Vec::new(),
    };
    let mut out = Vec::new();
    let files = MemoryFiles::new(1);
    run_map_only(&*program, &spec, &split, &files, &mut out, &NoProgress).expect("it cannot fail");
    out
}

/// A map from its input to its sorted output, in memory: words are folded in the buffer, TeraSort's rows are sorted.
fn maps(c: &mut Criterion) {
    let mebibytes = size("MAPREDUCE_MIB", 16, 1);
    let mut group = c.benchmark_group("mapreduce map");
    group.sample_size(10);
    let lines = mebibytes * 15_000;
    let text = ["200000", "1"].map(str::to_owned);
    let text = [vec![lines.to_string()], text.to_vec()].concat();
    let rows = mebibytes * 10_486;
    let tera = vec![rows.to_string(), "1".to_owned()];
    let inputs = [
        ("wordcount", generated("zipftext", &text, lines)),
        ("terasort", generated("teragen", &tera, rows)),
    ];
    for (name, bytes) in inputs {
        let split = Split {
            path: "in".to_owned(),
            offset: 0,
            length: bytes.len() as u64,
            hosts: Vec::new(),
            racks: Vec::new(),
        };
        group.throughput(Throughput::Bytes(split.length));
        let mut files = MemoryFiles::new(u64::MAX);
        files.put("in", &bytes);
        let mut spec = spec(name, &[], 4);
        jobs::prepare(&mut spec, &files).expect("the input is there");
        let program = jobs::program(&spec).expect("there is such a job");
        group.bench_function(name, |b| {
            b.iter(|| {
                let scratch = MemoryScratch::default();
                run_map(&*program, &spec, &split, &files, &scratch, &NoProgress)
                    .expect("memory does not fail")
            });
        });
    }
    group.finish();
}

fn pair_count() -> usize {
    let pairs = size("MAPREDUCE_PAIRS", 200_000, 5_000);
    usize::try_from(pairs).expect("they are in memory")
}

/// Pairs of random keys of 10 bytes, in 4 partitions.
fn pairs(count: usize, rng: &mut Rng) -> Vec<(u32, [u8; 10])> {
    let pair = |_| {
        let mut key = [0; 10];
        key[..8].copy_from_slice(&rng.next_u64().to_be_bytes());
        (hash_partition(&key, 4), key)
    };
    (0..count).map(pair).collect()
}

fn sort_and_spill(c: &mut Criterion) {
    let count = pair_count();
    let pairs = pairs(count, &mut Rng::new(1));
    let value = [b'v'; 90];
    let mut group = c.benchmark_group("mapreduce sort and spill");
    group.sample_size(20);
    group.throughput(Throughput::Elements(count as u64));
    let filled = || {
        let mut buffer = SortBuffer::new(count * 140, false);
        for (partition, key) in &pairs {
            assert!(buffer.insert(*partition, key, &value), "there is room");
        }
        buffer
    };
    group.bench_function("insert", |b| b.iter_with_large_drop(filled));
    group.bench_function("sort", |b| {
        b.iter_batched_ref(filled, SortBuffer::sort, BatchSize::PerIteration);
    });
    let mut sorted = filled();
    sorted.sort();
    for (name, compression) in [
        ("spill", Compression::None),
        ("spill lz4", Compression::Lz4),
    ] {
        group.bench_function(name, |b| {
            b.iter(|| {
                let mut out = std::io::sink();
                let mut writer = SegmentWriter::new(&mut out, 0, compression);
                for index in 0..sorted.len() {
                    writer.write(sorted.get(index).1).expect("a sink takes all");
                }
                writer.finish().expect("a sink takes all")
            });
        });
    }
    group.finish();
}

fn merge(c: &mut Criterion) {
    let count = pair_count();
    let mut group = c.benchmark_group("mapreduce merge");
    group.sample_size(20);
    group.throughput(Throughput::Elements(count as u64));
    for ways in [4, 64, 1024] {
        let mut rng = Rng::new(1);
        let segment = |_| {
            let mut keys = pairs(count / ways, &mut rng);
            keys.sort_unstable_by_key(|(_, key)| *key);
            let mut out = Vec::new();
            let mut writer = SegmentWriter::new(&mut out, 0, Compression::None);
            for (_, key) in &keys {
                writer.write((key, &[b'v'; 20])).expect("memory takes all");
            }
            writer.finish().expect("memory takes all");
            out
        };
        let segments: Vec<Vec<u8>> = (0..ways).map(segment).collect();
        group.bench_function(BenchmarkId::new("ways", ways), |b| {
            b.iter(|| {
                let readers = segments
                    .iter()
                    .cloned()
                    .map(|bytes| SegmentReader::new(Box::new(Cursor::new(bytes))));
                let mut merge = Merge::new(readers.collect()).expect("they are whole");
                let mut bytes = 0;
                while merge.advance().expect("they are whole") {
                    bytes += merge.current().0.len();
                }
                bytes
            });
        });
    }
    group.finish();
}

fn partition(c: &mut Criterion) {
    let keys = pairs(10_000, &mut Rng::new(1));
    let sample = keys.iter().map(|(_, key)| key.to_vec()).collect();
    let points = split_points(sample, 100);
    let mut group = c.benchmark_group("mapreduce partition");
    group.throughput(Throughput::Elements(keys.len() as u64));
    group.bench_function("hash", |b| {
        b.iter(|| -> u64 {
            let keys = black_box(&keys).iter();
            keys.map(|(_, key)| u64::from(hash_partition(key, 100)))
                .sum()
        });
    });
    group.bench_function("total order", |b| {
        b.iter(|| -> u64 {
            let keys = black_box(&keys).iter();
            keys.map(|(_, key)| u64::from(range_of(&points, key))).sum()
        });
    });
    group.finish();
}

/// A table's rows as lines, through files: one column of text, as a job without reduces leaves it.
fn table(c: &mut Criterion) {
    let lines = size("MAPREDUCE_MIB", 16, 1) * 15_000;
    let dir = tempfile::tempdir().expect("there is a temporary directory");
    let path = dir.path().join("text.parquet");
    let args = [&lines.to_string(), "200000", "1"].map(|arg| arg.to_string());
    let mut spec = spec("zipftext", &args, 0);
    spec.inputs.clear();
    spec.output = path.to_str().expect("it is UTF-8").to_owned();
    let schema = "message text { required binary line (STRING); }".to_owned();
    (spec.settings.0).insert("parquet.example.schema".to_owned(), schema);
    local::run(&spec, 1, |_| {}).expect("the disk has room");
    let files = FileSystems::default();
    let row_groups = files.list(&spec.output).expect("it is there");
    let read = || {
        row_groups.iter().fold(0, |bytes, group| {
            let mut text = files.open(&group.path, 0).expect("it is there");
            bytes + std::io::copy(&mut text, &mut std::io::sink()).expect("it is whole")
        })
    };
    let mut group = c.benchmark_group("mapreduce parquet");
    group.sample_size(10);
    group.throughput(Throughput::Bytes(read()));
    group.bench_function("rows", |b| b.iter(read));
    group.finish();
}

criterion_group!(mapreduce, maps, sort_and_spill, merge, partition, table);
criterion_main!(mapreduce);
