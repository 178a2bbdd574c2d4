//! The lab's looks at the coordinator, a few in a second, past all links; and at the links.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use anyhow::Result;
use sim::Level;

use super::report::{JobReport, Report};
use super::{COORDINATOR, MapReduce, Run, document};
use crate::lab::{Condition, Lab, lock};
use crate::load::Status;

const LOOK_EVERY: Duration = Duration::from_millis(150);

/// What there is to see.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct View {
    pub(crate) report: Report,
    /// Whether the coordinator answered at this look; if not, the rest is what it said last.
    pub(crate) answers: bool,
    pub(crate) crossed: Crossed,
    pub(crate) load: Status,
    pub(crate) runs: Vec<Run>,
    /// Why an output is not what it must be.
    pub(crate) wrong: Option<String>,
    /// A job that has failed, and why.
    pub(crate) failed: Option<String>,
}

/// Bytes that went from one machine to another.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Crossed {
    /// By where from and where to: workers alone.
    pub(crate) links: BTreeMap<(String, String), u64>,
    /// Of these, those that left a rack.
    pub(crate) racks: u64,
}

impl Crossed {
    pub(super) fn of(lab: &Lab) -> Crossed {
        let nodes = lab.nodes();
        let racks: BTreeMap<&str, &str> = nodes
            .iter()
            .filter_map(|node| Some((node.name.as_str(), node.rack.as_deref()?)))
            .collect();
        let mut crossed = Crossed::default();
        for ((from, to), bytes) in lab.carried() {
            let (Some(here), Some(there)) = (racks.get(from.as_str()), racks.get(to.as_str()))
            else {
                continue;
            };
            if from != to {
                crossed.racks += if here == there { 0 } else { bytes };
                crossed.links.insert((from, to), bytes);
            }
        }
        crossed
    }

    /// Between machines, and of that between racks.
    pub(crate) fn total(&self) -> (u64, u64) {
        (self.links.values().sum(), self.racks)
    }
}

impl View {
    /// The job that writes to `output`, if there is one.
    pub(crate) fn job_of(&self, output: &str) -> Option<&JobReport> {
        let mut jobs = self.report.jobs.values();
        jobs.find(|job| job.output == output)
    }
}

/// Looks for as long as there is something to look at.
pub(super) fn start(map_reduce: &Arc<MapReduce>) {
    let map_reduce = Arc::downgrade(map_reduce);
    std::thread::spawn(move || {
        while let Some(map_reduce) = Weak::upgrade(&map_reduce).filter(|it| it.lab.is_open()) {
            map_reduce.look();
            drop(map_reduce);
            std::thread::sleep(LOOK_EVERY);
        }
    });
}

impl MapReduce {
    fn ask(&self, before: &Report) -> Result<Report> {
        Report::ask(&self.lab.address(COORDINATOR, "http")?, before)
    }

    fn look(&self) {
        let began = Instant::now();
        let before = lock(&self.seen).1.clone();
        let nodes = self.lab.nodes();
        let coordinator = nodes.iter().find(|node| node.name == COORDINATOR);
        // One that is paused is not waited for.
        let is_up = coordinator.is_some_and(|node| node.process == Condition::Up);
        let report = if is_up {
            self.ask(&before.report).ok()
        } else {
            None
        };
        let answers = report.is_some();
        let report = report.unwrap_or_else(|| before.report.clone());
        let crossed = Crossed::of(&self.lab);
        let mut runs = lock(&self.runs);
        for run in &mut *runs {
            run.measure(crossed.total());
            if let Some(job) = report.jobs.values().find(|job| job.output == run.output) {
                run.again = job.again();
            }
        }
        let runs = runs.clone();
        let failed = report.jobs.iter().find_map(|(id, job)| {
            let reason = job.reason.as_ref()?;
            Some(format!("job_{id:04} has failed: {reason}"))
        });
        let after = View {
            answers,
            crossed,
            runs,
            load: self.load.status(),
            wrong: lock(&self.wrong).clone(),
            failed: failed.or_else(|| before.failed.clone()),
            report,
        };
        // What is seen of it while it is taken down is no news.
        if !self.lab.is_open() {
            return;
        }
        self.tell_changes(&before, &after);
        let disks = ("disks", self.disks.document());
        let load = ("load", after.load.document());
        let shown = document::members(&after, &nodes, self.workers()).into_iter();
        self.lab.recorder.put_all(shown.chain([disks, load]));
        *lock(&self.seen) = (began, Arc::new(after));
    }

    fn tell_changes(&self, before: &View, after: &View) {
        let recorder = &self.lab.recorder;
        for (name, is_here) in self.workers().iter().map(|name| {
            let is_here = |view: &View| view.report.workers.contains(name);
            (name, (is_here(before), is_here(after)))
        }) {
            match is_here {
                (false, true) => {
                    recorder.event(Level::Good, Some(name), format!("{name} has registered"));
                }
                (true, false) => {
                    let text = format!(
                        "{name} has been silent for too long: it is lost, with the map outputs that it holds"
                    );
                    recorder.event(Level::Bad, Some(name), text);
                }
                _ => {}
            }
        }
        // The load's jobs come and go too fast to be told of.
        for (id, job) in after
            .report
            .jobs
            .iter()
            .filter(|(_, job)| after.runs.iter().any(|run| run.output == job.output))
        {
            let was = before.report.jobs.get(id);
            self.tell_of_job(*id, was, job);
        }
    }

    fn tell_of_job(&self, id: u32, was: Option<&JobReport>, job: &JobReport) {
        let tell = |level, node: Option<&str>, text: String| {
            self.lab
                .recorder
                .event(level, node, format!("job_{id:04}: {text}"));
        };
        let Some(was) = was else {
            let (maps, reduces) = (job.maps.len(), job.reduces.len());
            let text = format!("{} has {maps} maps and {reduces} reduces", job.program);
            return tell(Level::Change, None, text);
        };
        let pairs = [
            ("m", &was.maps, &job.maps),
            ("r", &was.reduces, &job.reduces),
        ];
        for (kind, was, is) in pairs {
            for (n, (was, is)) in was.iter().zip(is).enumerate() {
                if let (Some(host), None) = (&was.done, &is.done) {
                    let text = format!(
                        "what {kind}{n} had made on {host} is lost; it is to be done again"
                    );
                    tell(Level::Bad, Some(host), text);
                }
                if was.attempts.len() < 2 && is.attempts.len() > 1 {
                    let second = is.attempts.last().map(|attempt| attempt.host.as_str());
                    let host = second.unwrap_or_default();
                    let text = format!("{kind}{n} is late: a second attempt begins on {host}");
                    tell(Level::Change, Some(host), text);
                }
                if let (None, Some(host)) = (&was.done, &is.done)
                    && was.attempts.len() > 1
                {
                    let text = format!(
                        "the attempt at {kind}{n} on {host} was first; the other one is stopped"
                    );
                    tell(Level::Change, Some(host), text);
                }
            }
        }
        if was.done().0 < was.maps.len() && job.done().0 == job.maps.len() && !job.is_over() {
            tell(Level::Change, None, "all maps are done".to_owned());
        }
        if !was.is_over() && job.is_over() {
            let level = if job.reason.is_none() {
                Level::Change
            } else {
                Level::Bad
            };
            let why = job.reason.as_deref().unwrap_or("its output is visible");
            tell(level, None, format!("{}: {why}", job.state));
        }
    }
}
