//! What the coordinator knows, as the lab looks at it: workers, jobs, tasks and attempts, out of what it tells its own page (`/api/jobs`).

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::systems::disks;

/// So many jobs are looked at, the newest.
const JOBS_MAX: usize = 12;

/// All of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Report {
    /// The machines whose workers are registered.
    pub(crate) workers: Vec<String>,
    /// By number.
    pub(crate) jobs: BTreeMap<u32, JobReport>,
}

/// A job.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct JobReport {
    pub(crate) program: String,
    pub(crate) output: String,
    /// `running`, `committing`, `succeeded`, `failed`.
    pub(crate) state: String,
    /// Why it failed.
    pub(crate) reason: Option<String>,
    pub(crate) maps: Vec<TaskReport>,
    pub(crate) reduces: Vec<TaskReport>,
    /// How far the reduces' fetching is, from 0 to 1.
    pub(crate) shuffle: f64,
}

/// A task.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct TaskReport {
    /// Those that run.
    pub(crate) attempts: Vec<AttemptReport>,
    /// Where the attempt ran whose work counts.
    pub(crate) done: Option<String>,
    /// Whether that was where its input lies, if that is known.
    pub(crate) near: Option<bool>,
    /// How many attempts there were.
    pub(crate) tries: u64,
}

/// An attempt that runs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct AttemptReport {
    /// Whether it is not the first one of its task.
    pub(crate) again: bool,
    pub(crate) host: String,
    pub(crate) progress: f64,
    /// Whether it runs where its input lies, if that is known.
    pub(crate) near: Option<bool>,
}

#[derive(Deserialize)]
struct All {
    workers: Vec<Worker>,
    jobs: Vec<Summary>,
}

#[derive(Deserialize)]
struct Worker {
    host: String,
}

#[derive(Deserialize)]
struct Summary {
    id: String,
    state: String,
}

#[derive(Deserialize)]
struct Whole {
    program: String,
    output: String,
    state: String,
    reason: Option<String>,
    progress: Progress,
    tasks: Vec<Task>,
    attempts: Vec<Attempt>,
}

#[derive(Deserialize)]
struct Progress {
    shuffle: f64,
}

#[derive(Deserialize)]
struct Task {
    id: String,
    #[serde(rename = "type")]
    kind: String,
    state: String,
    attempts: u64,
}

#[derive(Deserialize)]
struct Attempt {
    task: String,
    host: String,
    state: String,
    locality: Option<String>,
    progress: f64,
}

impl Attempt {
    fn near(&self) -> Option<bool> {
        self.locality.as_ref().map(|place| place == "node")
    }
}

fn get<T: DeserializeOwned>(address: &str, path: &str) -> Result<T> {
    let said = disks::request(address, "GET", path, "")?;
    serde_json::from_str(&said).with_context(|| format!("the coordinator's answer to {path}"))
}

impl Report {
    /// What the coordinator says at `address`. Of a job that was over when it said `before` it has nothing new to say.
    pub(super) fn ask(address: &str, before: &Report) -> Result<Report> {
        let all: All = get(address, "/api/jobs")?;
        let mut jobs = BTreeMap::new();
        for Summary { id, state } in all.jobs.iter().rev().take(JOBS_MAX) {
            let number = id.trim_start_matches("job_").parse()?;
            let known = before.jobs.get(&number);
            let known = known.filter(|job| job.is_over() && job.state == state.to_lowercase());
            let job = match known {
                Some(job) => job.clone(),
                None => get::<Whole>(address, &format!("/api/jobs/{id}"))?.report(),
            };
            jobs.insert(number, job);
        }
        Ok(Report {
            workers: all.workers.into_iter().map(|worker| worker.host).collect(),
            jobs,
        })
    }
}

impl Whole {
    fn report(self) -> JobReport {
        let tasks = |kind| {
            let tasks = self.tasks.iter().filter(|task| task.kind == kind);
            tasks.map(|task| task.report(&self.attempts)).collect()
        };
        JobReport {
            maps: tasks("MAP"),
            reduces: tasks("REDUCE"),
            program: self.program,
            output: self.output,
            state: self.state.to_lowercase(),
            reason: self.reason,
            shuffle: self.progress.shuffle,
        }
    }
}

impl Task {
    fn report(&self, attempts: &[Attempt]) -> TaskReport {
        let own: Vec<&Attempt> = (attempts.iter()).filter(|a| a.task == self.id).collect();
        let winner = own.iter().find(|attempt| attempt.state == "SUCCEEDED");
        let running = own.iter().enumerate();
        let running = running.filter(|(_, attempt)| attempt.state == "RUNNING");
        TaskReport {
            attempts: running
                .map(|(number, attempt)| AttemptReport {
                    again: number > 0,
                    host: attempt.host.clone(),
                    progress: attempt.progress,
                    near: attempt.near(),
                })
                .collect(),
            // Where it ran is not known, where an earlier coordinator has seen it.
            done: (self.state == "SUCCEEDED")
                .then(|| winner.map_or(String::new(), |winner| winner.host.clone())),
            near: winner.and_then(|winner| winner.near()),
            tries: self.attempts,
        }
    }
}

impl JobReport {
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state.as_str(), "succeeded" | "failed")
    }

    /// How many maps, and how many reduces, are done.
    pub(crate) fn done(&self) -> (usize, usize) {
        let done = |tasks: &[TaskReport]| tasks.iter().filter(|task| task.done.is_some()).count();
        (done(&self.maps), done(&self.reduces))
    }

    /// How many attempts there were beside the first ones.
    pub(crate) fn again(&self) -> u64 {
        let tasks = self.maps.iter().chain(&self.reduces);
        tasks.map(|task| task.tries.saturating_sub(1)).sum()
    }
}
