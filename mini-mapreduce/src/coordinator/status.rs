//! What a client is told of a job.

use super::job::{Job, JobState};
use super::task::Task;
use crate::counters::Counters;
use crate::protocol::{JobId, TaskKind};

/// A job as its client sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// Its number.
    pub job: JobId,
    /// What it runs.
    pub program: String,
    /// Its output.
    pub output: String,
    /// Where it is in its life.
    pub state: JobState,
    /// How many maps it has, and how many are done.
    pub maps: (u32, u32),
    /// The same of reduces.
    pub reduces: (u32, u32),
    /// How far the maps are, from 0 to 1.
    pub map: f64,
    /// How far the reduces' fetching is.
    pub shuffle: f64,
    /// How far their reducing is.
    pub reduce: f64,
    /// How many bytes of the input are read, and how many there are.
    pub input_bytes: (u64, u64),
    /// What the tasks have counted so far.
    pub counters: Counters,
}

impl Status {
    /// Of a job, as it is now.
    pub fn of(job: &Job) -> Status {
        let [maps_counted, reduces_counted] = job.counts();
        let reduces = job.tasks(TaskKind::Reduce);
        Status {
            job: job.id,
            program: job.spec.program.clone(),
            output: job.spec.output.clone(),
            state: job.state.clone(),
            maps: maps_counted,
            reduces: reduces_counted,
            map: mean(job.tasks(TaskKind::Map), |whole| whole),
            shuffle: mean(reduces, |whole| (whole * 3.0).min(1.0)),
            reduce: mean(reduces, |whole| (whole * 1.5 - 0.5).max(0.0)),
            input_bytes: input_bytes(job),
            counters: job.counters_so_far(),
        }
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a part of a length, for a progress bar"
)]
fn input_bytes(job: &Job) -> (u64, u64) {
    let maps = job.maps.iter().zip(&job.splits);
    let read = maps.map(|(task, split)| (split.length as f64 * progress(task)) as u64);
    let read = read.fold(0, u64::saturating_add);
    let lengths = job.splits.iter().map(|split| split.length);
    let all = lengths.fold(0, u64::saturating_add);
    match job.state {
        JobState::Succeeded => (all, all),
        _ => (read, all),
    }
}

/// How far a task is: its attempt that is furthest.
fn progress(task: &Task) -> f64 {
    let running = task.attempts.values().map(|attempt| attempt.progress);
    match task.winner {
        Some(_) => 1.0,
        None => running.fold(0.0, f64::max),
    }
}

/// The mean of a part of each task's progress.
fn mean(tasks: &[Task], part: impl Fn(f64) -> f64) -> f64 {
    let count = u32::try_from(tasks.len().max(1)).unwrap_or(u32::MAX);
    let parts = tasks.iter().map(|task| part(progress(task)));
    parts.fold(0.0, |sum, part| sum + part) / f64::from(count)
}
