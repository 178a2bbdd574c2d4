//! The capstone: a job tracker of your own, from an empty file ([`tracker`]).
//!
//! It is told by workers how their attempts fare, and says who does which task of one job, and whose work counts. It does the work of the
//! [`coordinator`](crate::coordinator) over again, for one job, without its journal and without second attempts, and nothing else of this system uses it: you
//! choose the state, and how it is kept. It is judged by what it answers alone.
//!
//! # What it may count on
//!
//! - A worker has [`MAP_SLOTS`] and [`REDUCE_SLOTS`], and reports every [`ROUND`]. Reports may come late, twice, in another order, or never, and so may answers.
//!   A worker numbers its reports from 1 on. It may be silent for any time and then go on. When it starts again after a crash it is another
//!   worker, with an id that no other has had.
//! - A report names all attempts that the worker was told to run and has not been told to drop or to keep. One that it was told to run and that it had before, ended or
//!   not, is not begun again.
//! - What a map has made lies on its worker alone, until that crashes, drops it or loses it. What a reduce has made lies where all can read it, under the
//!   name of its attempt.
//! - Reduces ask [`JobTracker::location`] where the outputs of maps are, begin to fetch as soon as there is one, and are done when they have had one of every map.
//!
//! # What counts
//!
//! An attempt *counts* from the answer on that says [`Order::Run`]. It ends to count when it is done, has failed, or is lost: a [`JobTracker::tick`] finds that for more than
//! [`LEASE`] no report has named it, or that its worker is lost, which is so when for more than [`LEASE`] it has not reported at all. Nothing but a tick ends
//! anything because of time. A task whose attempt was done *has an output*, until that is given up (rule 6). When the job is over, no attempt counts and no map has
//! an output; when it has failed, no reduce has one either.
//!
//! # The rules
//!
//! 1. A report whose number is no higher than that of another one of this worker that came before is late: it changes nothing, not even when its worker was heard of, and its
//!    answer is empty. So it is too if the worker was lost in between.
//! 2. Each other report is answered for every attempt that it names, in the order in which they stand: [`Order::Accept`] if the attempt is done and its output is
//!    the task's, now or since before; else nothing, if it runs and counts; else [`Order::Kill`]. What a worker says of an attempt that runs on another one changes
//!    nothing.
//! 3. The first attempt of a task that counts and is done gives the task its output. A reduce's is committed by that: there is never a second one, whatever becomes of
//!    the worker.
//! 4. A task is run only while the job runs, and only if it has neither an output nor an attempt that counts. Each attempt at it has a number that none had before. To
//!    say again to a worker that it shall run an attempt of its own that counts and is not named in its report is allowed.
//! 5. A worker never has more attempts that count than slots of their kind. And no slot stays free in an answer while a map could be run in it; nor while
//!    a reduce could, once every map has an output.
//! 6. The output of a map is given up when its worker is lost, and when it cannot be fetched: when the reduces' attempts that count have failed to fetch it at least
//!    [`FETCH_FAILURES_MAX`] times, all together. A [`FetchFailure`] says how often one attempt has failed so far; it is heeded after the attempts of its
//!    report, if the reduce's attempt counts on this worker and the map's is the one that made the output. No output is given up for anything else. Then the map is run again.
//! 7. A task [`FAILURES_MAX`] attempts of which have failed makes the job fail, and nothing else does. An attempt that is lost, or that did not count when it failed,
//!    is no failure; nor is an output that was given up.
//! 8. When each reduce has its output, the job has succeeded.

use std::time::Duration;

use node::Time;

use crate::protocol::{AttemptId, FetchFailure, JobId, TaskId, WorkerId};

pub mod tracker;

/// The one job, as it is called in the names of its tasks.
pub const JOB: JobId = JobId(1);

/// How often a worker reports, and how often [`JobTracker::tick`] is called.
pub const ROUND: Duration = Duration::from_secs(1);

/// What is not heard of for longer is lost.
pub const LEASE: Duration = Duration::from_secs(10);

/// The maps that a worker runs at a time.
pub const MAP_SLOTS: usize = 2;

/// The reduces that a worker runs at a time.
pub const REDUCE_SLOTS: usize = 1;

/// So many failures of one task are too many.
pub const FAILURES_MAX: u32 = 4;

/// An output that could not be fetched so many times is not there.
pub const FETCH_FAILURES_MAX: u32 = 3;

/// How an attempt fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It is under way.
    Running,
    /// All that it makes is there.
    Done,
    /// It has failed by its own fault.
    Failed,
}

/// What a worker says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Counts up, from 1.
    pub number: u64,
    /// All that it was told to run, and has not been told to drop or to keep.
    pub attempts: Vec<(AttemptId, State)>,
    /// What its reduces that run could not fetch. Totals: how often so far.
    pub fetch_failures: Vec<FetchFailure>,
}

/// What a worker shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    /// Begin an attempt.
    Run(AttemptId),
    /// Keep what the attempt made, and report it no more.
    Accept(AttemptId),
    /// Stop the attempt, drop what it made, and report it no more.
    Kill(AttemptId),
}

/// How the job fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Tasks are still to be done.
    Running,
    /// It has an output: that of these attempts, one for each reduce, in the order of their tasks.
    Succeeded(Vec<AttemptId>),
    /// A task has failed too often.
    Failed(TaskId),
}

// ANCHOR: trait
/// What you write; [`tracker::job_tracker`] returns it.
pub trait JobTracker {
    /// A worker reports. Returns what it shall do.
    fn heartbeat(&mut self, worker: WorkerId, report: &Report, now: Time) -> Vec<Order>;

    /// Time has passed; called every [`ROUND`].
    fn tick(&mut self, now: Time);

    /// Who made the output of a map, and on which worker it is; none while it has none.
    fn location(&self, map: u32) -> Option<(AttemptId, WorkerId)>;

    /// How the job fares.
    fn status(&self) -> Status;
}
// ANCHOR_END: trait
