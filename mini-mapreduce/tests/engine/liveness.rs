//! A task gives signs of life while anything moves, and hears soon that nobody wants it any more: wherever it is just then.

use std::sync::atomic::{AtomicU64, Ordering};

use mini_mapreduce::counters::Counters;
use mini_mapreduce::job::{Emitter, Mapper, Record, RecordError, Reducer, Values};
use mini_mapreduce::jobs;
use mini_mapreduce::program::Job;
use mini_mapreduce::task::{Progress, TaskError};

use crate::bench::Bench;

/// Counts signs of life, and cancels the task after so many.
struct Watch {
    ticks: AtomicU64,
    cancel_at: u64,
    /// Signs of life after that.
    after: AtomicU64,
}

impl Watch {
    fn new(cancel_at: u64) -> Watch {
        Watch {
            ticks: AtomicU64::new(0),
            cancel_at,
            after: AtomicU64::new(0),
        }
    }

    fn ticks(&self) -> u64 {
        self.ticks.load(Ordering::Relaxed)
    }
}

impl Progress for Watch {
    fn report(&self, _: f64, _: &Counters) {}

    fn progress(&self) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        if self.is_cancelled() {
            self.after.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn is_cancelled(&self) -> bool {
        self.ticks() > self.cancel_at
    }
}

/// How many signs of life a whole run gives; and in a second one that is cancelled after `part` in a hundred of them, it ends soon.
fn runs_and_is_cancelled(bench: &Bench, program: &Job, parts: &[u64]) -> u64 {
    let all = Watch::new(u64::MAX);
    bench.run_watched(program, &all).unwrap();
    for part in parts {
        let some = Watch::new(all.ticks() * part / 100);
        let error = bench.run_watched(program, &some).unwrap_err();
        assert!(matches!(error, TaskError::Cancelled), "{part} %: {error}");
        let after = some.after.load(Ordering::Relaxed);
        assert!(after <= 5000, "{part} %: {after} signs of life afterwards");
    }
    all.ticks()
}

struct Emits;

impl Mapper for Emits {
    type Key = String;
    type Value = u64;

    /// A record may be all that a map ever gets.
    fn map(
        &mut self,
        _: &Record<'_>,
        out: &mut Emitter<'_, String, u64>,
    ) -> Result<(), RecordError> {
        for number in 0..100_000 {
            out.emit("the only key", number)?;
        }
        Ok(())
    }
}

struct Last;

impl Reducer for Last {
    type Key = String;
    type Value = u64;
    type OutKey = String;
    type OutValue = u64;

    /// Says nothing until it has seen the whole group.
    fn reduce(
        &mut self,
        key: &str,
        values: &mut Values<'_, String, u64>,
        out: &mut Emitter<'_, String, u64>,
    ) -> Result<(), RecordError> {
        let mut last = 0;
        while let Some(value) = values.next_value()? {
            last = value;
        }
        out.emit(key, last)
    }
}

#[test]
fn one_record_that_becomes_many_pairs_and_one_group_of_all() {
    let program = Job::new(|_| Ok(Emits), || Last);
    let mut bench = Bench::new("", &[], 1, 1 << 20);
    bench.files.put("in", b"one\n");
    // Spills, of which only two are merged at a time.
    bench.spill.factor = 2;
    bench.spill.buffer_bytes = 1 << 19;
    let ticks = runs_and_is_cancelled(&bench, &program, &[5, 30, 60, 80, 95]);
    // Emitted, spilled, merged and reduced.
    assert!(ticks > 4 * 100_000, "{ticks}");
}

#[test]
fn a_job_without_reduces_and_without_input() {
    for name in ["teragen", "zipftext"] {
        let args: &[&str] = match name {
            "teragen" => &["50000", "1"],
            _ => &["50000", "10", "1"],
        };
        let bench = Bench::new(name, args, 0, 1);
        let all = Watch::new(u64::MAX);
        let program = jobs::program(&bench.spec).unwrap();
        let (_, counters) = bench.run_watched(&*program, &all).unwrap();
        assert!(all.ticks() >= 50_000);
        assert_eq!(counters.get_task("MAP_INPUT_RECORDS"), 50_000);
        let some = Watch::new(10_000);
        let error = bench.run_watched(&*program, &some).unwrap_err();
        assert!(matches!(error, TaskError::Cancelled), "{name}: {error}");
        assert!(some.ticks() < 20_000, "{name}: {}", some.ticks());
    }
}
