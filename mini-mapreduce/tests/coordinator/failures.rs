//! What is lost, and what fails: how often it is tried, and where.

use super::history::timeline;
use super::*;

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
fn a_map_whose_output_cannot_be_fetched_is_run_again() {
    let mut story = Story::with_job(1, &[&[]]);
    let (mut a, mut b) = (story.worker("a", 1), story.worker("b", 1));
    story.beat(&mut a);
    story.all_end(&mut a, &done());
    let map = a.outputs()[0];
    let mut complain = |story: &mut Story, failures| {
        let mut report = a.report();
        report.fetch_failures = vec![FetchFailure {
            reduce: report.attempts[0].attempt,
            map,
            failures,
        }];
        story.core.heartbeat(&report, story.now).unwrap()
    };
    let reply = complain(&mut story, 2);
    assert_eq!(begun(&reply), [], "twice is not enough");
    let reply = complain(&mut story, 3);
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
