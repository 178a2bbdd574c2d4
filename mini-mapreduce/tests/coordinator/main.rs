//! The coordinator's core, told as stories: reports in, orders out.

#![allow(
    clippy::unwrap_used,
    reason = "these are tests, which clippy knows by an attribute that they lack"
)]

mod memory;
mod outputs;

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

#[test]
fn a_job_from_its_first_map_to_its_commit() {
    let mut story = Story::with_job(1, &[&[], &[]]);
    let mut worker = story.worker("a", 2);
    assert_eq!(
        story.beat(&mut worker),
        ["attempt_0001_m_000000_0", "attempt_0001_m_000001_0"]
    );
    assert_eq!(
        story.all_end(&mut worker, &done()),
        ["attempt_0001_r_000000_0"]
    );
    let located =
        |event: &MapEvent| matches!(event, MapEvent::Done { address, .. } if address == "a:1");
    story.beat(&mut worker);
    let events = worker.events(JobId(1));
    assert!(
        events.len() == 2 && events.iter().all(located),
        "{events:?}"
    );
    story.all_end(&mut worker, &done());
    let actions = story.core.take_actions();
    let [Action::Commit { job, winners, .. }] = actions.as_slice() else {
        panic!("{actions:?}");
    };
    assert_eq!(
        winners.iter().map(name).collect::<Vec<_>>(),
        ["attempt_0001_r_000000_0"]
    );
    let (job, now) = (*job, story.now);
    story.core.committed(job, Ok(()), now);
    assert_eq!(*story.state(), JobState::Succeeded);
    let counters = story.core.job(JobId(1)).unwrap().counters();
    assert_eq!(counters.get_task("TASKS"), 3);
    let reply = story.reply(&mut worker);
    assert_eq!(reply.orders, [Order::Forget(JobId(1))]);
}

#[test]
fn an_order_that_was_lost_is_given_again() {
    let mut story = Story::with_job(1, &[&[]]);
    let mut worker = story.worker("a", 1);
    let lost = story.reply(&mut worker);
    let again = story.reply(&mut worker);
    assert_eq!(begun(&lost), begun(&again));
    // The lost one comes after all: it answers an old report, and is none.
    assert_eq!(worker.hear(lost), []);
    assert_eq!(worker.hear(again.clone()).len(), 1);
    assert_eq!(worker.hear(again), [], "and the same again is none either");
}

#[test]
fn what_a_lost_worker_made_is_made_again_and_what_it_says_later_is_nothing() {
    let mut story = Story::with_job(1, &[&[], &[]]);
    let mut a = story.worker("a", 1);
    story.beat(&mut a);
    story.all_end(&mut a, &done());
    assert_eq!(story.core.job(JobId(1)).unwrap().done(TaskKind::Map), 1);
    story.wait(11);
    let mut b = story.worker("b", 2);
    let begun = story.beat(&mut b);
    assert_eq!(
        begun[..2],
        ["attempt_0001_m_000000_1", "attempt_0001_m_000001_1"]
    );
    assert_eq!(
        story.core.heartbeat(&a.report(), story.now),
        Err(Unknown(a.id()))
    );
    let useless = story.register(&a, "a", 1);
    assert_eq!(
        useless.iter().map(name).collect::<Vec<_>>(),
        ["attempt_0001_m_000000_0"]
    );
    a.registered(&useless);
    for AttemptReport { attempt, .. } in a.report().attempts {
        a.ended(attempt, done());
    }
    let late = story.reply(&mut a);
    let killed = late
        .orders
        .iter()
        .any(|order| matches!(order, Order::Kill(_)));
    assert!(killed, "{late:?}");
    assert_eq!(story.core.job(JobId(1)).unwrap().done(TaskKind::Map), 0);
}

#[test]
fn a_task_that_fails_four_times_is_the_end_of_its_job_and_the_reason_is_told() {
    let mut story = Story::with_job(1, &[&[], &[]]);
    let mut worker = story.worker("a", 1);
    story.beat(&mut worker);
    for try_number in 1..4 {
        let begun = story.all_end(&mut worker, &failed("byte 17 is bad"));
        let expected = format!("attempt_0001_m_000000_{try_number}");
        assert_eq!(begun, [expected], "what has failed is tried first");
    }
    story.all_end(&mut worker, &failed("byte 17 is bad"));
    let JobState::Failed { reason } = story.state() else {
        panic!("{:?}", story.state());
    };
    assert_eq!(
        reason,
        "task_0001_m_000000 failed 4 times; the last time, attempt_0001_m_000000_3: byte 17 is bad"
    );
    assert!(matches!(
        story.core.take_actions()[..],
        [Action::Abort { .. }]
    ));
}

#[test]
fn a_restarted_coordinator_resumes() {
    let mut story = Story::with_job(1, &[&[], &[], &[]]);
    let (mut a, mut b) = (story.worker("a", 1), story.worker("b", 1));
    story.beat(&mut a);
    story.beat(&mut b);
    story.all_end(&mut a, &done());
    story.all_end(&mut b, &done());
    story.restart();
    // One comes back with what it made, one does not come back.
    assert_eq!(
        story.core.heartbeat(&a.report(), story.now),
        Err(Unknown(a.id()))
    );
    assert_eq!(story.register(&a, "a", 2), []);
    let begun = story.beat(&mut a);
    assert_eq!(
        begun,
        [
            "attempt_0001_m_000002_1000000",
            "attempt_0001_r_000000_1000000"
        ],
        "maps that are done are not run again, and no number is used twice"
    );
    story.wait(9);
    story.beat(&mut a);
    assert_eq!(story.core.job(JobId(1)).unwrap().done(TaskKind::Map), 2);
    story.wait(2);
    assert_eq!(story.beat(&mut a), ["attempt_0001_m_000001_1000000"]);
}

/// A seed of the simulation found that a worker was told to remove the parts of a job without reduces.
#[test]
fn a_part_that_a_map_made_stays_when_its_worker_registers_anew() {
    let mut story = Story::with_job(0, &[&[], &[]]);
    let mut a = story.worker("a", 1);
    story.beat(&mut a);
    story.all_end(&mut a, &done());
    story.restart();
    assert_eq!(story.register(&a, "a", 1), []);
    story.wait(60);
    assert_eq!(story.core.job(JobId(1)).unwrap().done(TaskKind::Map), 1);
}

#[test]
fn a_commit_that_was_cut_off_is_begun_again() {
    let mut story = Story::with_job(0, &[&[]]);
    let mut a = story.worker("a", 1);
    story.beat(&mut a);
    story.all_end(&mut a, &done());
    let before = story.core.take_actions();
    story.restart();
    assert_eq!(story.core.take_actions(), before);
}

#[test]
fn a_map_whose_output_cannot_be_fetched_is_run_again() {
    let mut story = Story::with_job(1, &[&[]]);
    let (mut a, mut b) = (story.worker("a", 1), story.worker("b", 1));
    story.beat(&mut a);
    story.all_end(&mut a, &done());
    let map = a.outputs()[0];
    let mut report = a.report();
    report.fetch_failures = vec![FetchFailure {
        reduce: report.attempts[0].attempt,
        map,
        failures: 2,
    }];
    let reply = story.core.heartbeat(&report, story.now).unwrap();
    assert_eq!(begun(&reply), [], "twice is not enough");
    let mut report = a.report();
    report.fetch_failures = vec![FetchFailure {
        reduce: report.attempts[0].attempt,
        map,
        failures: 3,
    }];
    let reply = story.core.heartbeat(&report, story.now).unwrap();
    assert!(reply.events[&JobId(1)].contains(&MapEvent::Lost { attempt: map }));
    let again = begun(&reply).iter().map(name).collect::<Vec<_>>();
    assert_eq!(again, ["attempt_0001_m_000000_1"]);
    let lost = "m_000000_0 a/0 0..0 KILLED reduces could not fetch its output";
    assert_eq!(timeline(&story)[0], lost);
    assert_eq!(story.beat(&mut b), [] as [&str; 0]);
}

#[test]
fn a_task_that_failed_is_tried_elsewhere_first() {
    let mut story = Story::with_job(1, &[&[]]);
    let (mut a, mut b) = (story.worker("a", 1), story.worker("b", 1));
    assert_eq!(story.beat(&mut a), ["attempt_0001_m_000000_0"]);
    let full = failed("cannot write spill0.out: no space left on device");
    assert_eq!(
        story.all_end(&mut a, &full),
        [] as [&str; 0],
        "its disk is full still"
    );
    assert_eq!(story.beat(&mut b), ["attempt_0001_m_000000_1"]);
    // It has failed wherever it can: the place is not to blame.
    assert_eq!(story.all_end(&mut b, &full), ["attempt_0001_m_000000_2"]);
    story.all_end(&mut b, &done());
    // Nobody waits for a place that is gone.
    assert_eq!(story.beat(&mut a), [] as [&str; 0]);
    assert_eq!(story.all_end(&mut b, &full), [] as [&str; 0]);
    story.wait(11);
    story.register(&b, "b", 1);
    story.wait(0);
    assert_eq!(story.core.job(JobId(1)).unwrap().reduces[0].failures, 1);
    assert_eq!(story.beat(&mut b)[0], "attempt_0001_m_000000_3");
    story.all_end(&mut b, &done());
    assert_eq!(story.reduces_on(&b), ["attempt_0001_r_000000_1"]);
}

#[test]
fn a_reduce_that_gives_up_is_no_failure_and_its_worker_gets_no_more_of_the_job_after_some() {
    let mut story = Story::with_job(5, &[&[]]);
    let mut workers = ["a", "b", "c", "d"].map(|host| story.worker(host, 3));
    let [maps, bad, good, _] = &mut workers;
    story.beat(maps);
    story.all_end(maps, &done());
    // Two reduces are taken already by the worker with the map.
    assert_eq!(story.beat(bad).len(), 2);
    let reason = "it cannot be fetched".to_owned();
    let given_up = AttemptState::GivenUp { reason };
    for _ in 0..2 {
        assert_eq!(story.all_end(bad, &given_up), [] as [&str; 0]);
    }
    assert_eq!(story.beat(good).len(), 2);
    let job = story.core.job(JobId(1)).unwrap();
    assert!(job.reduces.iter().all(|reduce| reduce.failures == 0));
}

#[test]
fn a_worker_on_which_attempts_fail_gets_no_more_of_the_job() {
    let mut story = Story::with_job(1, &[&[], &[], &[], &[]]);
    let mut workers = ["a", "b", "c", "d"].map(|host| story.worker(host, 3));
    let [bad, ..] = &mut workers;
    assert_eq!(story.beat(bad).len(), 3);
    assert_eq!(story.all_end(bad, &failed("no disk")), [] as [&str; 0]);
    let [_, good, ..] = &mut workers;
    assert_eq!(story.beat(good).len(), 3);
}

#[test]
fn a_map_waits_for_a_slot_near_its_data_and_not_for_ever() {
    let mut story = Story::with_job(1, &[&["far"]]);
    let mut a = story.worker("a", 1);
    assert_eq!(story.beat(&mut a), [] as [&str; 0]);
    story.wait(5);
    assert_eq!(story.beat(&mut a), [] as [&str; 0]);
    story.wait(1);
    assert_eq!(story.beat(&mut a).len(), 1);
}

/// A job with a map on a slow worker and one on a fast one, which is done at once, after 70 seconds; and what the fast worker has then.
fn with_a_slow_map(spec: JobSpec) -> (Story, Worker, Worker, Vec<AttemptId>) {
    let mut story = Story::new();
    story.submit(7, spec, splits(&[&[], &[]]));
    let (mut slow, mut fast) = (story.worker("slow", 1), story.worker("fast", 1));
    story.beat(&mut slow);
    story.beat(&mut fast);
    for second in 0..70 {
        story.wait(1);
        let running = slow.report().attempts[0].attempt;
        slow.progress(running, f64::from(second) / 1000.0, Counters::default());
        story.beat(&mut slow);
        if second == 5 {
            story.all_end(&mut fast, &done());
        } else {
            story.beat(&mut fast);
        }
    }
    let running: Vec<AttemptId> = fast.report().attempts.iter().map(|a| a.attempt).collect();
    let maps = running
        .into_iter()
        .filter(|id| id.task.kind == TaskKind::Map);
    let maps = maps.collect();
    (story, slow, fast, maps)
}

#[test]
fn a_job_that_wants_no_second_attempts_gets_none() {
    let mut spec = spec(1);
    let setting = ("mapreduce.map.speculative", "false");
    let (name, value) = (setting.0.to_owned(), setting.1.to_owned());
    spec.settings.0.insert(name, value);
    let (.., maps) = with_a_slow_map(spec);
    assert_eq!(maps, []);
}

#[test]
fn the_last_slow_map_is_run_a_second_time_and_the_first_to_be_done_counts() {
    let (mut story, mut slow, mut fast, maps) = with_a_slow_map(spec(1));
    let second = maps[0];
    assert_eq!(second.to_string(), "attempt_0001_m_000000_1");
    fast.ended(second, done());
    story.beat(&mut fast);
    assert_eq!(story.core.job(JobId(1)).unwrap().done(TaskKind::Map), 2);
    let reply = story.reply(&mut slow);
    assert!(matches!(reply.orders[0], Order::Kill(_)), "{reply:?}");
    let first_two = &timeline(&story)[..2];
    let late = "m_000000_0 slow/0 0..70 KILLED attempt_0001_m_000000_1 was done first";
    assert_eq!(first_two[0], late);
    assert!(
        first_two[1].ends_with("..70 second SUCCEEDED -"),
        "{first_two:?}"
    );
    let counters = story.core.job(JobId(1)).unwrap().counters();
    let count = |name| counters.get(JOB_COUNTERS, name);
    assert_eq!(count("TOTAL_LAUNCHED_MAPS"), 3);
    assert_eq!(count("NUM_KILLED_MAPS"), 1);
    assert_eq!(count("NUM_FAILED_MAPS"), 0);
}

/// What is remembered of the attempts: worker and slot, from when to when in seconds, how it ended.
fn timeline(story: &Story) -> Vec<String> {
    let seconds = |time: Time| time.as_millis() / 1000;
    let history = &story.core.job(JobId(1)).unwrap().history;
    let line = |(id, a): (AttemptId, &AttemptRecord)| {
        let (host, slot, from) = (&a.host, a.slot, seconds(a.started));
        let to = a
            .ended
            .map_or(String::new(), |ended| seconds(ended).to_string());
        let phases = match (a.shuffled, a.merged) {
            (Some(s), Some(m)) => format!(" shuffled {} merged {}", seconds(s), seconds(m)),
            _ => String::new(),
        };
        let second = if a.speculative { " second" } else { "" };
        let rack = match a.locality {
            Some(Locality::Rack) => " rack",
            _ => "",
        };
        let (name, reason) = (a.outcome.name(), a.outcome.reason().unwrap_or("-"));
        let id = id.to_string().replace("attempt_0001_", "");
        format!("{id} {host}/{slot} {from}..{to}{phases}{second}{rack} {name} {reason}")
    };
    history.attempts().map(line).collect()
}

#[test]
fn what_has_become_of_attempts_is_remembered_for_a_timeline() {
    let mut story = Story::with_job(1, &[&["a"], &["a"], &["a"]]);
    let mut a = story.worker("a", 2);
    story.beat(&mut a);
    story.wait(1);
    let first = a.report().attempts[0].attempt;
    a.ended(first, failed("byte 17 is bad"));
    story.beat(&mut a);
    // With another worker there, it would be tried on that one first.
    let mut b = story.worker("b", 1);
    story.beat(&mut b);
    story.wait(3);
    assert_eq!(story.beat(&mut b), ["attempt_0001_m_000002_0"]);
    story.wait(1);
    story.all_end(&mut a, &done());
    story.wait(5);
    story.beat(&mut a);
    // One is silent for too long.
    story.wait(5);
    assert_eq!(story.beat(&mut a), ["attempt_0001_m_000002_1"]);
    story.wait(1);
    for AttemptReport { attempt, .. } in a.report().attempts {
        if attempt.task.kind == TaskKind::Map {
            a.ended(attempt, done());
        }
    }
    story.beat(&mut a);
    story.wait(4);
    let reduce = a.report().attempts[0].attempt;
    let mut counters = Counters::default();
    counters.task("SHUFFLE_PHASE_TIME", 12_000);
    a.progress(reduce, 0.4, counters.clone());
    story.beat(&mut a);
    let job = story.core.job(JobId(1)).unwrap();
    assert_eq!(job.counters_so_far().get_task("SHUFFLE_PHASE_TIME"), 12_000);
    counters.task("MERGE_PHASE_TIME", 13_000);
    a.ended(reduce, AttemptState::Done { counters });
    story.beat(&mut a);
    story.wait(2);
    let now = story.now;
    story.core.committed(JobId(1), Ok(()), now);
    assert_eq!(
        timeline(&story),
        [
            "m_000000_0 a/0 0..1 FAILED byte 17 is bad",
            "m_000000_1 a/0 1..5 SUCCEEDED -",
            "m_000001_0 a/1 0..5 SUCCEEDED -",
            "m_000002_0 b/0 4..15 rack KILLED its worker was lost",
            "m_000002_1 a/0 15..16 SUCCEEDED -",
            "r_000000_0 a/0 5..20 shuffled 17 merged 18 SUCCEEDED -",
        ]
    );
    let job = story.core.job(JobId(1)).unwrap();
    let ended = story.now;
    assert_eq!((job.submitted, job.ended), (Some(Time::ZERO), Some(ended)));
    let tally = job.history.tally(TaskKind::Map);
    assert_eq!(
        (tally.launched, tally.succeeded, tally.failed, tally.killed),
        (5, 3, 1, 1)
    );
    assert_eq!(job.counters_of(TaskKind::Map).get_task("TASKS"), 3);
}

/// A job of one map, whose worker names its attempt every five seconds for some minutes; how often that failed.
fn failures_of_a_map(timeout_ms: Option<&str>, minutes: u64, lives: bool) -> u32 {
    let mut story = Story::new();
    let mut spec = spec(1);
    let setting = |ms: &str| ("mapreduce.task.timeout".to_owned(), ms.to_owned());
    spec.settings.0.extend(timeout_ms.map(setting));
    story.submit(7, spec, splits(&[&[]]));
    let mut a = story.worker("a", 1);
    story.beat(&mut a);
    for beat in 0..minutes * 12 {
        story.wait(5);
        let running = a.report().attempts[0].attempt;
        // All is read, as it seems: of a compressed file nobody knows how much there is.
        a.progress(running, 1.0, Counters::default());
        if lives {
            a.alive(running, beat);
        }
        story.beat(&mut a);
        if matches!(story.state(), JobState::Failed { .. }) {
            break;
        }
    }
    story.core.job(JobId(1)).unwrap().maps[0].failures
}

#[test]
fn an_attempt_that_gives_no_sign_of_life_has_failed() {
    assert_eq!(failures_of_a_map(None, 9, false), 0);
    assert_eq!(failures_of_a_map(None, 11, false), 1);
    assert_eq!(failures_of_a_map(None, 60, false), 4);
}

#[test]
fn an_attempt_that_lives_may_take_any_time() {
    assert_eq!(failures_of_a_map(None, 60, true), 0);
}

#[test]
fn a_job_says_how_long_its_attempts_may_be_silent() {
    assert_eq!(failures_of_a_map(Some("20000"), 1, false), 2);
    assert_eq!(failures_of_a_map(Some("20000"), 60, true), 0);
    assert_eq!(failures_of_a_map(Some("0"), 600, false), 0);
    let mut story = Story::new();
    let mut bad = spec(1);
    let setting = ("mapreduce.task.timeout".to_owned(), "ten".to_owned());
    bad.settings.0.extend([setting]);
    let refused = story.core.submit(7, bad, splits(&[&[]])).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the setting mapreduce.task.timeout=ten has to be a whole number, not too large"
    );
}

#[test]
fn a_job_is_taken_once_and_its_output_is_its_own() {
    let mut story = Story::with_job(1, &[&[]]);
    assert_eq!(story.core.submit(7, spec(1), splits(&[&[]])), Ok(JobId(1)));
    let another = story.core.submit(8, spec(1), splits(&[&[]]));
    let (output, job) = ("out".to_owned(), JobId(1));
    assert_eq!(another, Err(SubmitError::OutputInUse { output, job }));
    assert!(story.core.kill_job(JobId(1), "killed by its owner"));
    assert!(!story.core.kill_job(JobId(1), "killed by its owner"));
    story.core.take_actions();
    assert_eq!(story.submit(8, spec(1), splits(&[&[]])), JobId(2));
    story.restart();
    let reason = "killed by its owner".to_owned();
    assert_eq!(*story.state(), JobState::Failed { reason });
}
