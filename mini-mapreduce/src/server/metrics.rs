//! What coordinators and workers count and measure, in Prometheus's text format.
//!
//! Counters and histograms of what the shell does are fed as it happens; what the cores know is looked at when somebody asks.

use std::collections::BTreeMap;
use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use metrics_exporter_prometheus::{
    Matcher, PrometheusBuilder, PrometheusHandle, PrometheusRecorder,
};
use node::Time;

use super::agent::Load;
use crate::coordinator::Coordinator;
use crate::coordinator::history::Tally;
use crate::coordinator::job::{Job, JobState};
use crate::protocol::{AttemptState, TaskKind};

const JOURNAL_SYNC: &str = "mapreduce_coordinator_journal_sync_seconds";
const FETCH: &str = "mapreduce_worker_fetch_seconds";

/// From a tenth of a millisecond, a call in memory, to ten seconds, something in trouble.
const SECONDS: &[f64] = &[
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5,
    10.0,
];

const KINDS: [(TaskKind, &str); 2] = [(TaskKind::Map, "map"), (TaskKind::Reduce, "reduce")];

/// The figures of one coordinator or worker: its own rather than the process's, so that there may be two.
pub(super) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
}

impl Metrics {
    fn new(describe: impl FnOnce()) -> Metrics {
        let recorder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .expect("the list of buckets is not empty")
            .build_recorder();
        let handle = recorder.handle();
        let metrics = Metrics { recorder, handle };
        metrics.record(describe);
        metrics
    }

    pub(super) fn of_coordinator() -> Metrics {
        Metrics::new(describe_coordinator)
    }

    pub(super) fn of_worker() -> Metrics {
        Metrics::new(describe_worker)
    }

    fn record(&self, record: impl FnOnce()) {
        metrics::with_local_recorder(&self.recorder, record);
    }

    fn render(&self) -> String {
        self.handle.run_upkeep();
        self.handle.render()
    }

    /// Moves what was measured into its buckets, so that it does not pile up where nobody asks.
    pub(super) fn upkeep(&self) {
        self.handle.run_upkeep();
    }

    /// Records of the journal were written and synced.
    pub(super) fn journal_sync(&self, took: Duration) {
        self.record(|| histogram!(JOURNAL_SYNC).record(took));
    }

    /// A worker's attempt has ended.
    pub(super) fn ended(&self, kind: TaskKind, end: &AttemptState) {
        let outcome = match end {
            AttemptState::Done { .. } => "succeeded",
            AttemptState::Failed { .. } => "failed",
            AttemptState::GivenUp { .. } | AttemptState::Running { .. } => "killed",
        };
        self.record(|| {
            counter!("mapreduce_worker_attempts_total", "kind" => label(kind), "outcome" => outcome)
                .increment(1);
            if let AttemptState::Done { counters } = end {
                let spilled = counters.get_task("SPILLED_RECORDS");
                counter!("mapreduce_worker_spilled_records_total", "kind" => label(kind))
                    .increment(spilled);
            }
        });
    }

    /// A segment was fetched, of so many bytes, or could not be.
    pub(super) fn fetched(&self, bytes: Option<u64>, took: Duration) {
        self.record(|| match bytes {
            Some(bytes) => {
                histogram!(FETCH).record(took);
                counter!("mapreduce_worker_shuffle_fetched_bytes_total").increment(bytes);
            }
            None => counter!("mapreduce_worker_fetch_failures_total").increment(1),
        });
    }

    /// Bytes of a map's output have gone to another worker.
    pub(super) fn served(&self, bytes: usize) {
        self.record(|| {
            counter!("mapreduce_worker_shuffle_served_bytes_total").increment(bytes as u64);
        });
    }

    /// Everything of a worker, which is like that now.
    pub(super) fn render_worker(&self, load: &Load) -> String {
        self.record(|| {
            for (kind, slots, busy) in [
                ("map", load.map_slots, load.maps),
                ("reduce", load.reduce_slots, load.reduces),
            ] {
                gauge!("mapreduce_worker_slots", "kind" => kind).set(f64::from(slots));
                gauge!("mapreduce_worker_slots_in_use", "kind" => kind).set(float(busy));
            }
            gauge!("mapreduce_worker_map_outputs").set(float(load.outputs));
            gauge!("mapreduce_worker_heartbeat_age_seconds").set(load.silent.as_secs_f64());
        });
        self.render()
    }

    /// Everything of a coordinator, which is like that now.
    pub(super) fn render_coordinator(&self, core: &Coordinator, now: Time) -> String {
        self.record(|| {
            look_at_jobs(core);
            look_at_workers(core, now);
        });
        self.render()
    }
}

fn label(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Map => "map",
        TaskKind::Reduce => "reduce",
    }
}

#[expect(clippy::cast_precision_loss, reason = "off by one in 2^53")]
fn float(count: usize) -> f64 {
    count as f64
}

fn look_at_jobs(core: &Coordinator) {
    let state = |job: &Job| match job.state {
        JobState::Running => "running",
        JobState::Committing => "committing",
        JobState::Succeeded => "succeeded",
        JobState::Failed { .. } => "failed",
    };
    for name in ["running", "committing", "succeeded", "failed"] {
        let jobs = core.jobs().filter(|job| state(job) == name).count();
        gauge!("mapreduce_coordinator_jobs", "state" => name).set(float(jobs));
    }
    for (kind, label) in KINDS {
        let open = core.jobs().filter(|job| !job.state.is_over());
        let mut tasks = BTreeMap::from([("pending", 0), ("running", 0), ("done", 0)]);
        for task in open.flat_map(|job| job.tasks(kind)) {
            let state = match (task.winner, task.is_pending()) {
                (Some(_), _) => "done",
                (None, true) => "pending",
                (None, false) => "running",
            };
            *tasks.entry(state).or_default() += 1;
        }
        for (state, count) in tasks {
            gauge!("mapreduce_coordinator_tasks", "kind" => label, "state" => state)
                .set(float(count));
        }
        let mut all = Tally::default();
        for job in core.jobs() {
            all.add(job.history.tally(kind));
        }
        let total = |name: &'static str, value| {
            counter!(name, "kind" => label).absolute(value);
        };
        total(
            "mapreduce_coordinator_attempts_launched_total",
            all.launched,
        );
        total(
            "mapreduce_coordinator_speculative_attempts_total",
            all.speculative,
        );
        for (outcome, count) in [
            ("succeeded", all.succeeded),
            ("failed", all.failed),
            ("killed", all.killed),
        ] {
            counter!("mapreduce_coordinator_attempts_total", "kind" => label, "outcome" => outcome)
                .absolute(count);
        }
        total(
            "mapreduce_coordinator_spilled_records_total",
            all.spilled_records,
        );
        match kind {
            TaskKind::Map => {
                counter!("mapreduce_coordinator_map_outputs_lost_total").absolute(all.outputs_lost);
            }
            TaskKind::Reduce => {
                counter!("mapreduce_coordinator_fetch_failures_total").absolute(all.fetch_failures);
                counter!("mapreduce_coordinator_shuffle_bytes_total").absolute(all.shuffle_bytes);
            }
        }
    }
}

fn look_at_workers(core: &Coordinator, now: Time) {
    gauge!("mapreduce_coordinator_workers").set(float(core.workers().count()));
    let mut silent = Duration::ZERO;
    for (kind, label) in KINDS {
        let loads = core.workers().filter_map(|w| core.load(w.worker, kind));
        let (mut slots, mut busy) = (0, 0);
        for (all, used, heard) in loads {
            slots += all;
            busy += used;
            silent = silent.max(now.since(heard));
        }
        gauge!("mapreduce_coordinator_slots", "kind" => label).set(f64::from(slots));
        gauge!("mapreduce_coordinator_slots_in_use", "kind" => label).set(float(busy));
    }
    // Of the worker that has been silent for longest: a series for each life of a worker would never end.
    gauge!("mapreduce_coordinator_heartbeat_age_seconds_max").set(silent.as_secs_f64());
}

fn describe_coordinator() {
    for (name, help) in [
        (
            "mapreduce_coordinator_jobs",
            "Jobs by state, as far as they are remembered.",
        ),
        (
            "mapreduce_coordinator_tasks",
            "Tasks of jobs that are not over, by state.",
        ),
        (
            "mapreduce_coordinator_workers",
            "Workers that are registered.",
        ),
        ("mapreduce_coordinator_slots", "Slots of all workers."),
        (
            "mapreduce_coordinator_slots_in_use",
            "Slots in which attempts run.",
        ),
        (
            "mapreduce_coordinator_heartbeat_age_seconds_max",
            "How long ago the worker was heard that has been silent for longest.",
        ),
    ] {
        describe_gauge!(name, help);
    }
    for (name, help) in [
        (
            "mapreduce_coordinator_attempts_launched_total",
            "Attempts that were ordered.",
        ),
        (
            "mapreduce_coordinator_attempts_total",
            "Attempts that have ended, by outcome.",
        ),
        (
            "mapreduce_coordinator_speculative_attempts_total",
            "Second attempts of tasks that ran.",
        ),
        (
            "mapreduce_coordinator_fetch_failures_total",
            "Tries to fetch a map's output that failed, as reduces report them.",
        ),
        (
            "mapreduce_coordinator_map_outputs_lost_total",
            "Maps that were done and have to be run again.",
        ),
        (
            "mapreduce_coordinator_shuffle_bytes_total",
            "Bytes that reduces fetched whose work counts.",
        ),
        (
            "mapreduce_coordinator_spilled_records_total",
            "Records that tasks wrote to disks whose work counts.",
        ),
    ] {
        describe_counter!(name, help);
    }
    let help = "Writing and syncing what was decided, which every answer waits for.";
    describe_histogram!(JOURNAL_SYNC, Unit::Seconds, help);
}

fn describe_worker() {
    for (name, help) in [
        ("mapreduce_worker_slots", "How many tasks it runs at once."),
        ("mapreduce_worker_slots_in_use", "How many run."),
        (
            "mapreduce_worker_map_outputs",
            "Outputs of maps that it has for reduces.",
        ),
        (
            "mapreduce_worker_heartbeat_age_seconds",
            "How long ago the coordinator has answered a heartbeat.",
        ),
    ] {
        describe_gauge!(name, help);
    }
    for (name, help) in [
        (
            "mapreduce_worker_attempts_total",
            "Attempts that have ended here, by outcome.",
        ),
        (
            "mapreduce_worker_spilled_records_total",
            "Records that attempts wrote to the disk that were done.",
        ),
        (
            "mapreduce_worker_shuffle_fetched_bytes_total",
            "Bytes that its reduces have fetched.",
        ),
        (
            "mapreduce_worker_shuffle_served_bytes_total",
            "Bytes that other workers got from it.",
        ),
        (
            "mapreduce_worker_fetch_failures_total",
            "Tries of its reduces to fetch that failed.",
        ),
    ] {
        describe_counter!(name, help);
    }
    describe_histogram!(
        FETCH,
        Unit::Seconds,
        "Fetching a segment of a map's output."
    );
}
