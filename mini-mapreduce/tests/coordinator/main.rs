//! The coordinator's core, told as stories: reports in, orders out.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod failures;
mod history;
mod jobs;
mod memory;
mod outputs;
mod slots;

use std::time::Duration;

use mini_mapreduce::coordinator::delay::Locality;
use mini_mapreduce::coordinator::history::AttemptRecord;
use mini_mapreduce::coordinator::job::{JOB_COUNTERS, JobState};
use mini_mapreduce::coordinator::owed::ActionError;
use mini_mapreduce::coordinator::{Action, Config, Coordinator, SubmitError, Unknown};
use mini_mapreduce::counters::Counters;
use mini_mapreduce::job::{JobSpec, Settings, Split};
use mini_mapreduce::protocol::{
    AttemptId, AttemptReport, AttemptState, FetchFailure, JobId, MapEvent, Order, Registration,
    Reply, TaskKind, WorkerId,
};
use mini_mapreduce::worker::Worker;
use node::{MemDisk, Time};

/// A coordinator, and workers without tasks of their own: stories say how those fare.
struct Story {
    core: Coordinator,
    disk: MemDisk,
    now: Time,
}

fn spec(reduces: u32) -> JobSpec {
    JobSpec {
        program: "wordcount".into(),
        args: Vec::new(),
        inputs: Vec::new(),
        output: "out".into(),
        reduces,
        settings: Settings::default(),
    }
}

fn splits(hosts: &[&[&str]]) -> Vec<Split> {
    let split = |hosts: &&[&str]| Split {
        path: "text".into(),
        offset: 0,
        length: 1,
        hosts: hosts.iter().map(|host| (*host).to_owned()).collect(),
        racks: Vec::new(),
    };
    hosts.iter().map(split).collect()
}

fn done() -> AttemptState {
    let mut counters = Counters::default();
    counters.task("TASKS", 1);
    AttemptState::Done { counters }
}

fn failed(reason: &str) -> AttemptState {
    let reason = reason.to_owned();
    AttemptState::Failed { reason }
}

/// The attempts that are to begin.
fn begun(reply: &Reply) -> Vec<AttemptId> {
    let begun = reply.orders.iter().filter_map(|order| match order {
        Order::RunMap { attempt, .. } | Order::RunReduce { attempt, .. } => Some(*attempt),
        _ => None,
    });
    begun.collect()
}

fn name(attempt: &AttemptId) -> String {
    attempt.to_string()
}

impl Story {
    fn new() -> Story {
        let mut disk = MemDisk::default();
        let core = Coordinator::open(Config::default(), &mut disk, Time::ZERO).unwrap();
        Story {
            core,
            disk,
            now: Time::ZERO,
        }
    }

    fn with_job(reduces: u32, hosts: &[&[&str]]) -> Story {
        let mut story = Story::new();
        story.submit(7, spec(reduces), splits(hosts));
        story
    }

    /// Has a job taken, and its output directory made.
    fn submit(&mut self, token: u64, spec: JobSpec, splits: Vec<Split>) -> JobId {
        let job = self.core.submit(token, spec, splits).unwrap();
        let actions = self.core.take_actions();
        let [Action::SetUp { is_again, .. }] = actions[..] else {
            panic!("{actions:?}");
        };
        assert!(!is_again);
        self.core.set_up(job, Ok(()), self.now);
        job
    }

    fn restart(&mut self) {
        self.core.flush(&mut self.disk).unwrap();
        self.core = Coordinator::open(Config::default(), &mut self.disk, self.now).unwrap();
    }

    /// A job of one map and no reduce, whose map is done: it is to be committed.
    fn to_be_committed() -> Story {
        let mut story = Story::with_job(0, &[&[]]);
        let mut a = story.worker("a", 1);
        story.beat(&mut a);
        story.all_end(&mut a, &done());
        story
    }

    /// What is to be done, in words.
    fn asked(&mut self) -> Vec<&'static str> {
        let what = |action: &Action| match action {
            Action::SetUp { .. } => "set up",
            Action::Commit { .. } => "commit",
            Action::Abort { winners, .. } if winners.is_empty() => "abort",
            Action::Abort { .. } => "abort, with parts",
        };
        self.core.take_actions().iter().map(what).collect()
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
        self.core.tick(self.now);
    }

    fn register(&mut self, worker: &Worker, host: &str, slots: u32) -> Vec<AttemptId> {
        let registration = Registration {
            worker: worker.id(),
            address: format!("{host}:1"),
            host: host.to_owned(),
            rack: "/rack".to_owned(),
            map_slots: slots,
            reduce_slots: slots,
            outputs: worker.outputs(),
        };
        self.core.register(registration, self.now)
    }

    fn worker(&mut self, host: &str, slots: u32) -> Worker {
        let worker = Worker::new(WorkerId(host.bytes().map(u64::from).sum()));
        self.register(&worker, host, slots);
        worker
    }

    fn reply(&mut self, worker: &mut Worker) -> Reply {
        self.core.heartbeat(&worker.report(), self.now).unwrap()
    }

    /// A heartbeat, its answer heard; the names of what begins.
    fn beat(&mut self, worker: &mut Worker) -> Vec<String> {
        let reply = self.reply(worker);
        let begun = begun(&reply).iter().map(name).collect();
        worker.hear(reply);
        begun
    }

    /// Everything that runs on a worker ends so.
    fn all_end(&mut self, worker: &mut Worker, state: &AttemptState) -> Vec<String> {
        for AttemptReport { attempt, .. } in worker.report().attempts {
            worker.ended(attempt, state.clone());
        }
        self.beat(worker)
    }

    /// The reduces that a worker has.
    fn reduces_on(&self, worker: &Worker) -> Vec<String> {
        let attempts = self.core.job(JobId(1)).unwrap().attempts();
        let there = attempts.filter(|(id, attempt)| {
            id.task.kind == TaskKind::Reduce && attempt.worker == worker.id()
        });
        there.map(|(id, _)| name(&id)).collect()
    }

    fn state(&self) -> &JobState {
        &self.core.job(JobId(1)).unwrap().state
    }
}
