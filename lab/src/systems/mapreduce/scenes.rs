//! The scenes of mini-mapreduce, and what they have in common.

mod kill_worker;
mod locality;
mod skew;
mod straggler;

use std::time::Duration;

use anyhow::Result;
use mini_mapreduce::job::JobSpec;

use super::work::Work;
use super::{MapReduce, Run};
use crate::links::Rule;
use crate::scenes::{Meanwhile, Play, Stage};

/// All of them, in the order in which they are listed.
pub(super) static SCENES: &[&dyn Play] = &[
    &kill_worker::SCENE,
    &straggler::SCENE,
    &locality::SCENE,
    &skew::SCENE,
];

/// A job is done by then, on a machine that is busy with something else too.
const JOB_MAX: Duration = Duration::from_secs(120);
/// Map outputs cross the network as they are, so that it can be said how many bytes those are; and nothing is done twice that need not be.
const PLAIN: [(&str, &str); 3] = [
    ("mapreduce.map.output.compress", "false"),
    ("mapreduce.map.speculative", "false"),
    ("mapreduce.reduce.speculative", "false"),
];

impl Stage<MapReduce> {
    /// Makes the network between workers slow: so many bytes in a second for each link, and each way.
    fn slow_network(&self, bytes_per_second: u64) -> Result<()> {
        let workers = self.cluster.workers();
        for from in workers {
            for to in workers.iter().filter(|to| *to != from) {
                let rule = Rule {
                    bytes_per_second,
                    ..Rule::default()
                };
                self.lab().set_link(from, to, rule)?;
            }
        }
        Ok(())
    }

    /// Begins a job.
    fn begin(&self, title: &str, work: &Work) -> Meanwhile<Run> {
        let (title, work) = (title.to_owned(), work.clone());
        self.meanwhile(move |map_reduce| map_reduce.run(&title, &work))
    }

    /// Expects that a job is done, and its output what a sequential program makes of the input.
    fn expect_done(&self, what: &str, running: &Meanwhile<Run>) -> Result<Run> {
        self.expect_end(
            &format!("{what}, and its output is what a sequential program makes of the input"),
            JOB_MAX,
            running,
        )
    }

    /// Runs a job from its beginning to its end.
    fn run(&self, title: &str, work: &Work) -> Result<Run> {
        let running = self.begin(title, work);
        self.expect_done(&format!("the job is done ({title})"), &running)
    }
}

/// A job's description with the settings [`PLAIN`].
fn plain(spec: JobSpec) -> JobSpec {
    let settings = PLAIN.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let mut spec = spec;
    spec.settings.0.extend(settings);
    spec
}

/// Bytes, for people.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn mib(bytes: u64) -> String {
    match bytes {
        0..=0xf_ffff => format!("{} KiB", bytes >> 10),
        _ => format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20)),
    }
}
