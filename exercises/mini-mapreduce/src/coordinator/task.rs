//! A task, and the tries at it (`TaskImpl`, `TaskAttemptImpl`).
//!
//! A worker that is silent may be dead, cut off or merely slow; nobody can tell. So an attempt has a *lease*: it counts while
//! reports name it. When the lease is over the task is free for another worker, and from then on whatever the first one says is *late*: it
//! changes nothing. That is why it does no harm to be wrong about a worker's death.
//!
//! An attempt that *fails* says something of the task: after [`Limits::attempts_max`] failures nobody expects a different end. One that is *killed* --
//! its worker was lost, another attempt was first -- says nothing, and does not count.
//!
//! A report may name an attempt again and again and yet nothing moves: a mapper in an endless loop. Its lease is renewed; the limit on time
//! without a sign of life (`mapreduce.task.timeout`) ends it, as a failure. How far an attempt is says less: it is not known of a map that reads a
//! compressed file, and a reduce that waits for maps gets no further by its own doing.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;
use serde::{Deserialize, Serialize};

use crate::protocol::WorkerId;

/// When attempts end against their will.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long an attempt counts after the last report that named it.
    pub lease: Duration,
    /// How long it may give no sign of life (`mapreduce.task.timeout`; ten minutes in Hadoop).
    pub stuck: Duration,
    /// How many failures are too many (`mapreduce.map.maxattempts`; 4).
    pub attempts_max: u32,
}

/// An attempt that counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Attempt {
    /// Where it runs.
    pub worker: WorkerId,
    /// Since when.
    pub started: Time,
    /// When it was launched, or last named in a report.
    pub heard: Time,
    /// How far it is, from 0 to 1.
    pub progress: f64,
    /// How many signs of life it has given.
    pub ticks: u64,
    /// When that was last something new.
    pub moved: Time,
}

/// The attempt whose work counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Winner {
    /// Its number.
    pub number: u64,
    /// Where it ran.
    pub worker: WorkerId,
}

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Nothing: the attempt did not count any more.
    Late,
    /// The task is tried again.
    Retry,
    /// The task has failed, and its job with it.
    TooMany,
}

/// An attempt whose time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expired {
    /// Its number.
    pub number: u64,
    /// Where it ran, or runs still.
    pub worker: WorkerId,
    /// Whether it was named and gave no sign of life, which is a failure; else its lease is over.
    pub stuck: bool,
}

/// What of a task is lost with a worker.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// The attempts that count and run there, in the order of their numbers.
    pub attempts: Vec<u64>,
    /// The winner, if what it made is lost.
    pub output: Option<u64>,
}

/// A task. It is *done* when there is a winner, *running* while attempts count, else *pending*.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Task {
    /// The attempts that count, by number.
    pub attempts: BTreeMap<u64, Attempt>,
    /// Whose work counts. From then on no attempt does.
    pub winner: Option<Winner>,
    /// How many attempts have failed.
    pub failures: u32,
    /// On which workers it has failed, or got nowhere. It is tried elsewhere first, for it may have been their fault: a full disk.
    pub failed_on: BTreeSet<WorkerId>,
    /// The number of the next attempt.
    pub next: u64,
}

impl Task {
    /// Nothing done; attempts are numbered from `next` on.
    pub fn new(next: u64) -> Task {
        Task {
            next,
            ..Task::default()
        }
    }

    /// Whether it waits for a worker.
    pub fn is_pending(&self) -> bool {
        self.winner.is_none() && self.attempts.is_empty()
    }

    /// A new attempt on `worker` counts from now on. Its number, which no other attempt has had.
    pub fn launch(&mut self, worker: WorkerId, now: Time) -> u64 {
        let number = self.next;
        self.next += 1;
        let attempt = Attempt {
            worker,
            started: now,
            heard: now,
            progress: 0.0,
            ticks: 0,
            moved: now,
        };
        self.attempts.insert(number, attempt);
        number
    }

    /// A report of `worker` names the attempt. False if it does not count (any more), or never did on that worker: then nothing changes.
    ///
    /// Progress that goes back is as good as none: an attempt that starts over and over does not move.
    pub fn renew(&mut self, number: u64, worker: WorkerId, progress: f64, now: Time) -> bool {
        let _ = (number, worker, progress, now);
        todo!("mapreduce/leases: note that it was heard of, and whether it has moved.")
    }

    /// The attempt is done. True if its work counts: it is the first to say so, of those that count, or has said so before. All other attempts count no more.
    ///
    /// False, and nothing changes, if it does not count (any more), or never did on that worker; also where nobody else has won yet: the task was given to
    /// another worker because this one was silent, and two cannot both be told that theirs counts.
    pub fn finish(&mut self, number: u64, worker: WorkerId) -> bool {
        let _ = (number, worker);
        todo!(
            "mapreduce/attempts: the first of those that count wins, for good; then no other counts."
        )
    }

    /// The attempt has failed, which counts if the attempt does. After [`Limits::attempts_max`] failures the task has: then no attempt counts any more.
    pub fn fail(&mut self, number: u64, limits: &Limits) -> Failure {
        let _ = (number, limits);
        todo!(
            "mapreduce/attempts: a failure of an attempt that counts is the task's; the last one allowed ends all attempts."
        )
    }

    /// The attempt does not count any more, and nobody is to blame. False if it did not count anyway.
    pub fn kill(&mut self, number: u64) -> bool {
        let _ = number;
        todo!("mapreduce/attempts: it counts no more, and says nothing of the task.")
    }

    /// An attempt that was [renewed](Task::renew) has given so many signs of life so far. More than before, and it moves, however far it is.
    pub fn alive(&mut self, number: u64, ticks: u64, now: Time) {
        if let Some(attempt) = self.attempts.get_mut(&number)
            && ticks > attempt.ticks
        {
            attempt.ticks = ticks;
            attempt.moved = now;
        }
    }

    /// The attempt could not get what it needs: nobody knows whose fault it is, but it is better tried elsewhere. False if it did not count anyway.
    pub fn give_up(&mut self, number: u64) -> bool {
        let attempt = self.attempts.remove(&number);
        self.failed_on.extend(attempt.as_ref().map(|a| a.worker));
        attempt.is_some()
    }

    /// Whether it may be tried on a worker: it has not failed there, or has everywhere that there is.
    pub fn is_for(&self, worker: WorkerId, everywhere: &BTreeSet<WorkerId>) -> bool {
        !self.failed_on.contains(&worker) || everywhere.is_subset(&self.failed_on)
    }

    /// The attempts whose time is over, in the order of their numbers. Nothing is changed: each is still to be [failed](Task::fail) or
    /// [killed](Task::kill). A limit that is reached exactly still counts; where both are passed it is the lease that is over.
    pub fn expired(&self, limits: &Limits, now: Time) -> Vec<Expired> {
        let _ = (limits, now);
        todo!(
            "mapreduce/leases: silent for too long is lost; named and not moving for too long is stuck."
        )
    }

    /// What is lost if `worker` is. Nothing is changed: attempts are still to be [killed](Task::kill), and an output to be [lost](Task::lose_output).
    ///
    /// `on_its_worker`: what the task makes lies on the worker that made it, and somebody still wants it. That is so of a map while reduces are not done; what a reduce
    /// makes lies where all can read it, and outlives its worker.
    pub fn lost_with(&self, worker: WorkerId, on_its_worker: bool) -> Lost {
        let _ = (worker, on_its_worker);
        todo!(
            "mapreduce/attempts: its attempts, whatever they do; and the winner's work, if that is nowhere else."
        )
    }

    /// What the winner made is gone: the task is pending again. False if `number` was not the winner's.
    pub fn lose_output(&mut self, number: u64) -> bool {
        let _ = number;
        todo!("mapreduce/attempts: what the winner made is gone: the task is to be done again.")
    }
}
