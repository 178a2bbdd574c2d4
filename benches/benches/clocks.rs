//! Vector clocks at 3, 16, 128 and 1,024 processes, beside those of two crates that keep them in maps: `vclock` in a hash map,
//! `crdts` in a B-tree. And the hybrid clock, beside a Lamport clock. What is allocated is counted in `clock_allocations`.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::hint::black_box;

use crdts::{CmRDT, CvRDT, Dot};
use criterion::{BatchSize, BenchmarkId, Criterion, criterion_group, criterion_main};
use vector_clocks::hlc::{HybridClock, Timestamp};
use vector_clocks::lamport::LamportClock;
use vector_clocks::vector_clock::VectorClock;

type Ours = VectorClock<u64>;
type Vclock = vclock::VClock<u64, u64>;
type Crdts = crdts::VClock<u64>;

/// The same counts, three times.
struct Clocks {
    ours: Ours,
    vclock: Vclock,
    crdts: Crdts,
}

/// A clock of `n` processes whose counts are given by their number. Processes are spread, as ids are.
fn clocks(n: u64, count: impl Fn(u64) -> u64) -> Clocks {
    let counts: Vec<(u64, u64)> = (0..n).map(|i| (id(i), count(i))).collect();
    Clocks {
        ours: counts.iter().copied().collect(),
        vclock: counts.iter().copied().collect::<HashMap<u64, u64>>().into(),
        crdts: counts.iter().map(|(p, c)| Dot::new(*p, *c)).collect(),
    }
}

fn id(i: u64) -> u64 {
    i * 1_000_003
}

/// Processes in an ordinary run.
const SIZES: [u64; 4] = [3, 16, 128, 1_024];

fn tick(c: &mut Criterion) {
    let mut group = c.benchmark_group("tick");
    for n in SIZES {
        let mut at = clocks(n, |i| 10 + i);
        let middle = id(n / 2);
        group.bench_function(BenchmarkId::new("ours", n), |b| {
            b.iter(|| at.ours.tick(black_box(&middle)));
        });
        group.bench_function(BenchmarkId::new("vclock", n), |b| {
            b.iter(|| at.vclock.incr(black_box(&middle)));
        });
        group.bench_function(BenchmarkId::new("crdts", n), |b| {
            b.iter(|| {
                let dot = at.crdts.inc(black_box(middle));
                at.crdts.apply(dot);
            });
        });
    }
    group.finish();
}

/// A clone of one clock takes over another one of the same processes, of which half the counts are higher. `crdts` also needs a clone of
/// the other clock, which it consumes.
fn merge(c: &mut Criterion) {
    let mut group = c.benchmark_group("merge with clone");
    for n in SIZES {
        let (a, b) = (clocks(n, |_| 10), clocks(n, |i| 9 + i % 2 * 2));
        group.bench_function(BenchmarkId::new("ours", n), |bench| {
            bench.iter(|| {
                let mut merged = a.ours.clone();
                merged.merge(black_box(&b.ours));
                black_box(&merged);
            });
        });
        group.bench_function(BenchmarkId::new("vclock", n), |bench| {
            bench.iter(|| {
                let mut merged = a.vclock.clone();
                merged.merge(black_box(&b.vclock));
                black_box(&merged);
            });
        });
        group.bench_function(BenchmarkId::new("crdts", n), |bench| {
            bench.iter(|| {
                let mut merged = a.crdts.clone();
                merged.merge(black_box(&b.crdts).clone());
                black_box(&merged);
            });
        });
    }
    group.finish();
}

/// The same in place, as a process does it that receives a message: nothing is new any more after the first time.
fn merge_in_place(c: &mut Criterion) {
    let mut group = c.benchmark_group("merge in place");
    for n in SIZES {
        let (mut a, b) = (clocks(n, |_| 10), clocks(n, |i| 9 + i % 2 * 2));
        group.bench_function(BenchmarkId::new("ours", n), |bench| {
            bench.iter(|| black_box(&mut a.ours).merge(black_box(&b.ours)));
        });
        group.bench_function(BenchmarkId::new("vclock", n), |bench| {
            bench.iter(|| black_box(&mut a.vclock).merge(black_box(&b.vclock)));
        });
        group.bench_function(BenchmarkId::new("crdts", n), |bench| {
            bench.iter(|| black_box(&mut a.crdts).merge(black_box(&b.crdts).clone()));
        });
    }
    group.finish();
}

/// Half of the processes are known on one side only, half on the other: the list has to grow.
fn merge_new(c: &mut Criterion) {
    let mut group = c.benchmark_group("merge of other processes");
    for n in SIZES {
        let half = |odd: u64| (0..n).filter(move |i| i % 2 == odd).map(|i| (id(i), 10));
        let (a, b): (Ours, Ours) = (half(0).collect(), half(1).collect());
        group.bench_function(BenchmarkId::new("ours", n), |bench| {
            bench.iter_batched_ref(
                || a.clone(),
                |a| a.merge(black_box(&b)),
                BatchSize::SmallInput,
            );
        });
        let crdts = |odd| half(odd).map(|(p, c)| Dot::new(p, c)).collect::<Crdts>();
        let (a, b) = (crdts(0), crdts(1));
        group.bench_function(BenchmarkId::new("crdts", n), |bench| {
            bench.iter_batched(
                || (a.clone(), b.clone()),
                |(mut a, b)| {
                    a.merge(b);
                    a
                },
                BatchSize::SmallInput,
            );
        });
        let vclock = |odd| Vclock::from(half(odd).collect::<HashMap<u64, u64>>());
        let (a, b) = (vclock(0), vclock(1));
        group.bench_function(BenchmarkId::new("vclock", n), |bench| {
            bench.iter_batched_ref(
                || a.clone(),
                |a| a.merge(black_box(&b)),
                BatchSize::SmallInput,
            );
        });
    }
    group.finish();
}

/// Two clocks in each of the relations: equal; one later by its last process' count; concurrent by the first and last.
fn compare(c: &mut Criterion) {
    type Count = fn(u64, u64) -> u64;
    let cases: [(&str, Count, Option<Ordering>); 3] = [
        ("equal", |_, _| 10, Some(Ordering::Equal)),
        (
            "later",
            |i, n| 10 + u64::from(i == n - 1),
            Some(Ordering::Less),
        ),
        (
            "concurrent",
            |i, n| 10 + u64::from(i == n - 1) - u64::from(i == 0),
            None,
        ),
    ];
    for (case, count, expected) in cases {
        let mut group = c.benchmark_group(format!("compare {case}"));
        for n in SIZES {
            let (a, b) = (clocks(n, |_| 10), clocks(n, |i| count(i, n)));
            assert_eq!(a.ours.partial_cmp(&b.ours), expected);
            assert_eq!(a.vclock.partial_cmp(&b.vclock), expected);
            assert_eq!(a.crdts.partial_cmp(&b.crdts), expected);
            group.bench_function(BenchmarkId::new("ours", n), |bench| {
                bench.iter(|| black_box(&a.ours).partial_cmp(black_box(&b.ours)));
            });
            group.bench_function(BenchmarkId::new("vclock", n), |bench| {
                bench.iter(|| black_box(&a.vclock).partial_cmp(black_box(&b.vclock)));
            });
            group.bench_function(BenchmarkId::new("crdts", n), |bench| {
                bench.iter(|| black_box(&a.crdts).partial_cmp(black_box(&b.crdts)));
            });
        }
        group.finish();
    }
}

/// A local event and the arrival of a message, by clocks of one number.
fn scalar(c: &mut Criterion) {
    let mut group = c.benchmark_group("one number");
    let mut lamport = LamportClock::new(7u32);
    group.bench_function("lamport observe", |b| {
        b.iter(|| lamport.observe(black_box(5)));
    });
    // The wall clock moves on as a real one would, by a millisecond in many events.
    let mut wall_ms = 1_700_000_000_000;
    let mut events = 0u32;
    let mut wall = move || {
        events = events.wrapping_add(1);
        wall_ms += u64::from(events.is_multiple_of(10_000));
        wall_ms
    };
    let mut hybrid = HybridClock::new(500);
    group.bench_function("hybrid now", |b| {
        b.iter(|| hybrid.now(black_box(wall())).is_ok());
    });
    group.bench_function("hybrid observe", |b| {
        b.iter(|| {
            let wall_ms = wall();
            let sent = Timestamp::new(wall_ms, 3);
            hybrid.observe(black_box(sent), black_box(wall_ms)).is_ok()
        });
    });
    group.finish();
}

criterion_group!(
    benches,
    tick,
    merge,
    merge_in_place,
    merge_new,
    compare,
    scalar
);
criterion_main!(benches);
