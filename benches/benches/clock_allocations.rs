//! How often vector clocks allocate: made, merged, counted on and compared, at some numbers of processes, beside two crates that keep
//! them in maps. Not measured but counted, so it says the same on every machine; it fails where ours allocate for up to eight
//! processes. (It is apart from `clocks`, since the allocator that counts slows down whoever allocates.)

use std::collections::HashMap;
use std::hint::black_box;

use allocation_counter::measure;
use crdts::{CmRDT, CvRDT, Dot};
use vector_clocks::vector_clock::{INLINE, VectorClock};

/// Allocations while a clock of these processes is made, cloned, merged into the clone, ticked, and compared.
fn ours(processes: &[u64]) -> u64 {
    let all = || processes.iter().map(|p| (*p, 10));
    let info = measure(|| {
        let other: VectorClock<u64> = all().collect();
        let mut clock = black_box(&other).clone();
        clock.merge(&other);
        clock.tick(&processes[0]);
        black_box(clock > other);
    });
    info.count_total
}

fn vclock(processes: &[u64]) -> u64 {
    let info = measure(|| {
        let mut other: vclock::VClock<u64, u64> = HashMap::new().into();
        processes.iter().for_each(|p| other.incr(p));
        let mut clock = black_box(&other).clone();
        clock.merge(&other);
        clock.incr(&processes[0]);
        black_box(clock > other);
    });
    info.count_total
}

fn crdts(processes: &[u64]) -> u64 {
    let info = measure(|| {
        let other: crdts::VClock<u64> = processes.iter().map(|p| Dot::new(*p, 10)).collect();
        let mut clock = black_box(&other).clone();
        clock.merge(other.clone());
        clock.apply(clock.inc(processes[0]));
        black_box(clock > other);
    });
    info.count_total
}

#[allow(clippy::print_stdout, reason = "this is a table to be read")]
fn main() {
    println!("| processes | ours | vclock | crdts |\n| ---: | ---: | ---: | ---: |");
    for n in [1, 3, 8, 9, 16, 128, 1_024] {
        let processes: Vec<u64> = (0..n).collect();
        let (ours, vclock, crdts) = (ours(&processes), vclock(&processes), crdts(&processes));
        println!("| {n} | {ours} | {vclock} | {crdts} |");
        assert!(
            ours == 0 || processes.len() > INLINE,
            "{n} processes fit into the clock itself, and there were {ours} allocations"
        );
    }
}
