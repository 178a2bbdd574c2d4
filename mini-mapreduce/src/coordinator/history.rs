//! What has become of a job's attempts, for whoever looks on (Hadoop's job history).
//!
//! Nothing is decided by it: tasks forget attempts that do not count any more, and people want to know of just those. It is kept in memory, for
//! [`ATTEMPTS_KEPT`] attempts of a job and [`HISTORIES_KEPT`] jobs that are over; of these a file is written too. So a coordinator that was started again
//! shows them as the earlier one did, and knows of a job that ran only what came since.

pub(super) mod file;

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;
use serde::{Deserialize, Serialize};

use super::delay::Locality;
use crate::counters::Counters;
use crate::protocol::{AttemptId, TaskId, TaskKind, WorkerId};

/// How many attempts of a job are remembered. Of more, those are forgotten that began first, of those that have ended.
pub const ATTEMPTS_KEPT: usize = 5_000;

/// Of how many jobs that are over attempts are remembered: the newest ones.
pub const HISTORIES_KEPT: usize = 20;

/// What has become of an attempt (`TaskAttemptState`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// It runs, as far as anybody knows.
    Running,
    /// Its work counted, and still does, or until the job was over.
    Succeeded,
    /// It failed by its own fault.
    Failed {
        /// Why.
        reason: String,
    },
    /// It counts no more, and is not to blame: its worker was lost, with what it had made or before, or another attempt was first.
    Killed {
        /// Why.
        reason: String,
    },
}

impl Outcome {
    /// Hadoop's name for it.
    pub fn name(&self) -> &'static str {
        match self {
            Outcome::Running => "RUNNING",
            Outcome::Succeeded => "SUCCEEDED",
            Outcome::Failed { .. } => "FAILED",
            Outcome::Killed { .. } => "KILLED",
        }
    }

    /// Why it failed or was killed.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Failed { reason } | Outcome::Killed { reason } => Some(reason),
            Outcome::Running | Outcome::Succeeded => None,
        }
    }
}

/// An attempt, as it is remembered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// Where it ran.
    pub worker: WorkerId,
    /// That worker's machine.
    pub host: String,
    /// Where that stands.
    pub rack: String,
    /// Which of the worker's slots for such tasks it had, from 0: no other attempt had it at the same time.
    pub slot: u32,
    /// Whether another attempt ran already when it began.
    pub speculative: bool,
    /// How far a map was from its split; none where that has no place.
    pub locality: Option<Locality>,
    /// When it was ordered.
    #[serde(with = "file::time")]
    pub started: Time,
    /// When a reduce had fetched all.
    #[serde(with = "file::maybe")]
    pub shuffled: Option<Time>,
    /// When it had merged so much that one more merge was left, out of which it reduces.
    #[serde(with = "file::maybe")]
    pub merged: Option<Time>,
    /// When it was done, had failed, or was given up.
    #[serde(with = "file::maybe")]
    pub ended: Option<Time>,
    /// What has become of it.
    pub outcome: Outcome,
    /// How far it came, from 0 to 1.
    pub progress: f64,
    /// Records that a map has read, or pairs that a reduce has reduced.
    pub input_records: u64,
    /// Bytes that a reduce has fetched.
    pub shuffle_bytes: u64,
    /// Records that it has written to its disk.
    pub spilled_records: u64,
    /// How often a reduce could not fetch a map's output.
    pub fetch_failures: u64,
    /// What it has counted so far, while it runs.
    pub counters: Counters,
}

impl AttemptRecord {
    fn count(&mut self, id: AttemptId, counters: &Counters) {
        let later = |name: &str| match counters.get_task(name) {
            0 => None,
            millis => Some(self.started + Duration::from_millis(millis)),
        };
        (self.shuffled, self.merged) = (later("SHUFFLE_PHASE_TIME"), later("MERGE_PHASE_TIME"));
        let input = match id.task.kind {
            TaskKind::Map => "MAP_INPUT_RECORDS",
            TaskKind::Reduce => "REDUCE_INPUT_RECORDS",
        };
        self.input_records = counters.get_task(input);
        self.shuffle_bytes = counters.get_task("REDUCE_SHUFFLE_BYTES");
        self.spilled_records = counters.get_task("SPILLED_RECORDS");
    }
}

/// How many attempts came to what end. Only grows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Attempts that were ordered.
    pub launched: u64,
    /// Of those, second attempts.
    pub speculative: u64,
    /// Those that were the first of their tasks to be done.
    pub succeeded: u64,
    /// Those that failed.
    pub failed: u64,
    /// Those that were given up.
    pub killed: u64,
    /// Maps that were done and whose output was lost.
    pub outputs_lost: u64,
    /// Outputs of maps that could not be fetched, each try.
    pub fetch_failures: u64,
    /// Records that went to a disk, of those that have succeeded.
    pub spilled_records: u64,
    /// Bytes that reduces have fetched, of those that have succeeded.
    pub shuffle_bytes: u64,
}

impl Tally {
    /// Adds another job's.
    pub fn add(&mut self, other: &Tally) {
        self.launched += other.launched;
        self.speculative += other.speculative;
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.killed += other.killed;
        self.outputs_lost += other.outputs_lost;
        self.fetch_failures += other.fetch_failures;
        self.spilled_records += other.spilled_records;
        self.shuffle_bytes += other.shuffle_bytes;
    }
}

/// A job's attempts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct History {
    attempts: BTreeMap<AttemptId, AttemptRecord>,
    forgotten: u64,
    maps: Tally,
    reduces: Tally,
}

impl History {
    /// Those that are remembered, in the order of tasks.
    pub fn attempts(&self) -> impl Iterator<Item = (AttemptId, &AttemptRecord)> {
        self.attempts.iter().map(|(id, record)| (*id, record))
    }

    /// Those of a task, in order.
    pub fn of_task(&self, task: TaskId) -> impl Iterator<Item = (AttemptId, &AttemptRecord)> {
        let number = |number| AttemptId { task, number };
        let of = self.attempts.range(number(0)..=number(u64::MAX));
        of.map(|(id, record)| (*id, record))
    }

    /// One of them.
    pub fn attempt(&self, id: AttemptId) -> Option<&AttemptRecord> {
        self.attempts.get(&id)
    }

    /// How many are not remembered any more.
    pub fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// How attempts of a kind came to an end, the forgotten ones included.
    pub fn tally(&self, kind: TaskKind) -> &Tally {
        match kind {
            TaskKind::Map => &self.maps,
            TaskKind::Reduce => &self.reduces,
        }
    }

    fn tally_mut(&mut self, kind: TaskKind) -> &mut Tally {
        match kind {
            TaskKind::Map => &mut self.maps,
            TaskKind::Reduce => &mut self.reduces,
        }
    }

    pub(super) fn begin(&mut self, id: AttemptId, record: AttemptRecord) {
        if self.attempts.len() >= ATTEMPTS_KEPT {
            let ended = self.attempts.iter().filter(|(_, a)| a.ended.is_some());
            let oldest = ended.min_by_key(|(_, a)| a.started).map(|(id, _)| *id);
            if oldest.is_some_and(|id| self.attempts.remove(&id).is_some()) {
                self.forgotten += 1;
            }
        }
        let tally = self.tally_mut(id.task.kind);
        tally.launched += 1;
        tally.speculative += u64::from(record.speculative);
        self.attempts.insert(id, record);
    }

    fn running(&mut self, id: AttemptId) -> Option<&mut AttemptRecord> {
        let record = self.attempts.get_mut(&id);
        record.filter(|record| record.outcome == Outcome::Running)
    }

    /// A report of the attempt, which counts.
    pub(super) fn hear(&mut self, id: AttemptId, progress: f64, counters: &Counters, failed: u64) {
        let Some(record) = self.running(id) else {
            return;
        };
        record.progress = progress;
        record.count(id, counters);
        record.counters = counters.clone();
        let more = failed.saturating_sub(record.fetch_failures);
        record.fetch_failures += more;
        self.tally_mut(id.task.kind).fetch_failures += more;
    }

    pub(super) fn succeed(&mut self, id: AttemptId, counters: &Counters, now: Time) {
        if let Some(record) = self.running(id) {
            record.progress = 1.0;
            record.count(id, counters);
        }
        let tally = self.tally_mut(id.task.kind);
        tally.spilled_records += counters.get_task("SPILLED_RECORDS");
        tally.shuffle_bytes += counters.get_task("REDUCE_SHUFFLE_BYTES");
        self.end(id, Outcome::Succeeded, now);
    }

    /// Nothing happens where it has ended already.
    pub(super) fn end(&mut self, id: AttemptId, outcome: Outcome, now: Time) {
        let Some(record) = self.running(id) else {
            return;
        };
        let (succeeded, failed, killed) = match outcome {
            Outcome::Running => (0, 0, 0),
            Outcome::Succeeded => (1, 0, 0),
            Outcome::Failed { .. } => (0, 1, 0),
            Outcome::Killed { .. } => (0, 0, 1),
        };
        record.ended = Some(now);
        record.counters = Counters::default();
        record.outcome = outcome;
        let tally = self.tally_mut(id.task.kind);
        tally.succeeded += succeeded;
        tally.failed += failed;
        tally.killed += killed;
    }

    /// All that run are given up.
    pub(super) fn kill_all(&mut self, reason: &str, now: Time) {
        let running = self.attempts.iter();
        let running = running.filter(|(_, record)| record.outcome == Outcome::Running);
        let running: Vec<AttemptId> = running.map(|(id, _)| *id).collect();
        for id in running {
            let reason = reason.to_owned();
            self.end(id, Outcome::Killed { reason }, now);
        }
    }

    /// What a map had made is gone. When it was done stays as it was.
    pub(super) fn lose(&mut self, id: AttemptId, reason: &str) {
        self.tally_mut(id.task.kind).outputs_lost += 1;
        if let Some(record) = self.attempts.get_mut(&id) {
            let reason = reason.to_owned();
            record.outcome = Outcome::Killed { reason };
        }
    }

    /// The attempts are not remembered any more, only how many there were.
    pub(super) fn forget(&mut self) {
        self.forgotten += self.attempts.len() as u64;
        self.attempts.clear();
    }
}

/// How uneven some loads are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Skew {
    /// The largest.
    pub max: u64,
    /// The arithmetic mean.
    pub mean: f64,
    /// The largest over the mean; 1 where all are alike, and where all are nothing.
    pub max_over_mean: f64,
    /// The least load that 99 in a hundred do not exceed.
    pub p99: u64,
}

impl Skew {
    /// Of some loads; none of none.
    #[expect(clippy::cast_precision_loss, reason = "it is for a picture")]
    pub fn of(loads: impl IntoIterator<Item = u64>) -> Option<Skew> {
        let mut loads: Vec<u64> = loads.into_iter().collect();
        loads.sort_unstable();
        let max = *loads.last()?;
        let sum: u128 = loads.iter().map(|load| u128::from(*load)).sum();
        let mean = sum as f64 / loads.len() as f64;
        Some(Skew {
            max,
            mean,
            max_over_mean: if sum == 0 { 1.0 } else { max as f64 / mean },
            p99: loads[(loads.len() * 99).div_ceil(100) - 1],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::JobId;

    fn record(started: u64) -> AttemptRecord {
        AttemptRecord {
            worker: WorkerId(1),
            host: String::new(),
            rack: String::new(),
            slot: 0,
            speculative: false,
            locality: None,
            started: Time::from_millis(started),
            shuffled: None,
            merged: None,
            ended: None,
            outcome: Outcome::Running,
            progress: 0.0,
            input_records: 0,
            shuffle_bytes: 0,
            spilled_records: 0,
            fetch_failures: 0,
            counters: Counters::default(),
        }
    }

    fn id(number: u64) -> AttemptId {
        let (job, kind, index) = (JobId(1), TaskKind::Reduce, 0);
        let task = TaskId { job, kind, index };
        AttemptId { task, number }
    }

    #[test]
    fn more_attempts_than_are_kept_are_counted_and_those_that_run_stay() {
        let mut history = History::default();
        history.begin(id(0), record(0));
        let more = ATTEMPTS_KEPT as u64 + 10;
        for number in 1..more {
            history.begin(id(number), record(number));
            history.succeed(
                id(number),
                &Counters::default(),
                Time::from_millis(number + 1),
            );
        }
        assert_eq!(history.attempts().count(), ATTEMPTS_KEPT);
        assert_eq!(history.forgotten(), 10);
        let kept: Vec<u64> = history
            .attempts()
            .map(|(id, _)| id.number)
            .take(2)
            .collect();
        assert_eq!(
            kept,
            [0, 11],
            "the one that runs, and the newest of the others"
        );
        let tally = history.tally(TaskKind::Reduce);
        assert_eq!((tally.launched, tally.succeeded), (more, more - 1));
    }

    #[test]
    fn a_fetch_that_failed_counts_once_however_often_it_is_told() {
        let mut history = History::default();
        history.begin(id(0), record(0));
        for failed in [1, 1, 3, 2] {
            history.hear(id(0), 0.1, &Counters::default(), failed);
        }
        assert_eq!(history.tally(TaskKind::Reduce).fetch_failures, 3);
    }

    #[test]
    fn skew_is_the_largest_over_the_mean() {
        assert_eq!(Skew::of([]), None);
        let skew = Skew::of([10, 50, 20, 20]).unwrap();
        assert_eq!((skew.max, skew.p99), (50, 50));
        assert!((skew.mean - 25.0).abs() < 1e-9 && (skew.max_over_mean - 2.0).abs() < 1e-9);
        assert_eq!(Skew::of(1..=200).unwrap().p99, 198);
        assert!((Skew::of([0, 0]).unwrap().max_over_mean - 1.0).abs() < 1e-9);
    }
}
