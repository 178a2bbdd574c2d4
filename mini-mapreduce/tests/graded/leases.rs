//! How long an attempt counts of which nothing is heard, and how long one that does not move.

use std::time::Duration;

use autograder::{Test, seeds, tests};
use mini_mapreduce::coordinator::task::{Expired, Limits, Task};
use mini_mapreduce::protocol::WorkerId;
use node::{Rng, Time};

pub(crate) const TESTS: &[Test] = tests![
    an_attempt_has_its_lease_from_the_launch_on,
    a_report_renews_the_lease,
    what_does_not_count_is_not_renewed,
    another_worker_s_word_is_nothing,
    progress_is_remembered,
    progress_that_goes_back_is_none,
    what_is_heard_of_and_does_not_move_is_stuck,
    who_is_silent_is_lost_and_not_stuck,
    all_that_are_over_are_named_and_nothing_changes,
    reports_at_any_time,
];

const HERE: WorkerId = WorkerId(1);
const THERE: WorkerId = WorkerId(2);

/// A lease of 10 seconds; 60 without progress.
const LIMITS: Limits = Limits {
    lease: Duration::from_secs(10),
    stuck: Duration::from_secs(60),
    attempts_max: 4,
};

fn at(ms: u64) -> Time {
    Time::from_millis(ms)
}

fn over(task: &Task, ms: u64) -> Vec<Expired> {
    task.expired(&LIMITS, at(ms))
}

/// What is over, as `number lost` or `number stuck`.
fn named(task: &Task, ms: u64) -> Vec<String> {
    let word = |stuck| if stuck { "stuck" } else { "lost" };
    let name = |one: &Expired| format!("{} {}", one.number, word(one.stuck));
    over(task, ms).iter().map(name).collect()
}

/// An attempt on [`HERE`] since 5 s.
fn begun() -> (Task, u64) {
    let mut task = Task::new(7);
    let number = task.launch(HERE, at(5000));
    (task, number)
}

fn an_attempt_has_its_lease_from_the_launch_on() {
    let (task, number) = begun();
    assert_eq!(over(&task, 5000), [], "it has just begun");
    assert_eq!(
        over(&task, 15_000),
        [],
        "a limit of 10 s that is reached exactly still counts"
    );
    let expected = Expired {
        number,
        worker: HERE,
        stuck: false,
    };
    assert_eq!(
        over(&task, 15_001),
        [expected],
        "launched at 5 s, and never heard of since: the order may have been lost"
    );
}

fn a_report_renews_the_lease() {
    let (mut task, number) = begun();
    for second in [8, 16, 26] {
        assert!(
            task.renew(number, HERE, 0.1, at(second * 1000)),
            "at {second} s it counts"
        );
        assert_eq!(
            over(&task, second * 1000 + 10_000),
            [],
            "last heard of at {second} s, 10 s ago"
        );
    }
    assert_eq!(
        named(&task, 36_001),
        ["7 lost"],
        "last heard of at 26 s, more than 10 s ago"
    );
}

fn what_does_not_count_is_not_renewed() {
    let (mut task, number) = begun();
    assert!(
        !task.renew(number + 1, HERE, 0.5, at(6000)),
        "there is no attempt {}",
        number + 1
    );
    task.attempts.clear();
    let before = task.clone();
    assert!(
        !task.renew(number, HERE, 0.5, at(6000)),
        "attempt {number} counted once, and does not any more: what it says is late"
    );
    assert_eq!(task, before, "a late word changes nothing");
}

fn another_worker_s_word_is_nothing() {
    let (mut task, number) = begun();
    let before = task.clone();
    assert!(
        !task.renew(number, THERE, 0.5, at(6000)),
        "{number} runs on {HERE}, and {THERE} names it"
    );
    assert_eq!(task, before, "and so nothing changes");
}

fn progress_is_remembered() {
    let (mut task, number) = begun();
    task.renew(number, HERE, 0.25, at(6000));
    task.renew(number, HERE, 0.5, at(9000));
    let attempt = &task.attempts[&number];
    assert_eq!(
        (attempt.progress, attempt.heard, attempt.moved),
        (0.5, at(9000), at(9000)),
        "its progress, when it was heard of, when it moved"
    );
    assert_eq!(attempt.started, at(5000), "when it began stays as it was");
}

fn progress_that_goes_back_is_none() {
    let (mut task, number) = begun();
    for (progress, ms) in [(0.5, 6000), (0.5, 7000), (0.1, 8000), (0.4, 9000)] {
        assert!(task.renew(number, HERE, progress, at(ms)), "it counts");
    }
    let attempt = &task.attempts[&number];
    assert_eq!(
        (attempt.progress, attempt.heard, attempt.moved),
        (0.5, at(9000), at(6000)),
        "0.5 at 6 s and at 7 s, 0.1 at 8 s, 0.4 at 9 s: it was never further than at 6 s"
    );
}

fn what_is_heard_of_and_does_not_move_is_stuck() {
    let (mut task, number) = begun();
    for second in 6..=120 {
        let progress = if second < 20 { 0.1 } else { 0.2 };
        task.renew(number, HERE, progress, at(second * 1000));
        let expected: &[&str] = if second > 80 { &["7 stuck"] } else { &[] };
        assert_eq!(
            named(&task, second * 1000),
            expected,
            "at {second} s, named in every second; it moved at 20 s, and may rest for 60 s"
        );
    }
}

fn who_is_silent_is_lost_and_not_stuck() {
    let (mut task, number) = begun();
    task.renew(number, HERE, 0.5, at(6000));
    task.renew(number, HERE, 0.5, at(60_000));
    assert_eq!(
        named(&task, 66_001),
        ["7 stuck"],
        "heard of 6 s ago, moved more than 60 s ago"
    );
    assert_eq!(
        named(&task, 70_001),
        ["7 lost"],
        "both limits are passed; nobody knows what it did in the meantime, so it is not to blame"
    );
}

fn all_that_are_over_are_named_and_nothing_changes() {
    let mut task = Task::new(0);
    for number in 0..4 {
        task.launch(WorkerId(10 + number), at(0));
    }
    task.renew(2, WorkerId(12), 0.5, at(5000));
    let before = task.clone();
    let names = |number| Expired {
        number,
        worker: WorkerId(10 + number),
        stuck: false,
    };
    assert_eq!(
        over(&task, 10_001),
        [0, 1, 3].map(names),
        "all but 2, in the order of their numbers, with their workers"
    );
    assert_eq!(task, before, "it is a question, and changes nothing");
}

fn reports_at_any_time() {
    for seed in seeds(100) {
        let mut rng = Rng::new(seed);
        let mut task = Task::new(0);
        // Of each attempt: its worker, when it was heard of, how far it is, when it moved.
        let mut known: Vec<(u64, u64, u64, u64)> = Vec::new();
        let (mut now, mut told) = (0, Vec::new());
        for _ in 0..60 {
            now += rng.below(4000);
            let worker = rng.below(3);
            if known.is_empty() || rng.percent(10) {
                let number = task.launch(WorkerId(worker), at(now));
                known.push((worker, now, 0, now));
                told.push(format!("{now} ms: {number} launched on {worker}"));
            }
            let number = rng.below(known.len() as u64);
            let percent = rng.below(101);
            let progress = f64::from(u32::try_from(percent).unwrap()) / 100.0;
            told.push(format!(
                "{now} ms: {worker} says {number} is at {percent} %"
            ));
            let renewed = task.renew(number, WorkerId(worker), progress, at(now));
            let attempt = &mut known[usize::try_from(number).unwrap()];
            let story = |told: &[String]| format!("seed {seed:#x}:\n  {}", told.join("\n  "));
            assert_eq!(
                renewed,
                attempt.0 == worker,
                "{number} runs on {}; {}",
                attempt.0,
                story(&told)
            );
            if renewed {
                attempt.1 = now;
                if percent > attempt.2 {
                    (attempt.2, attempt.3) = (percent, now);
                }
            }
            let expected: Vec<String> = (0..)
                .zip(&known)
                .filter_map(|(number, (_, heard, _, moved)): (u64, _)| {
                    if now - heard > 10_000 {
                        Some(format!("{number} lost"))
                    } else {
                        (now - moved > 60_000).then(|| format!("{number} stuck"))
                    }
                })
                .collect();
            assert_eq!(
                named(&task, now),
                expected,
                "which are over at {now} ms; a lease is 10 s, and 60 s without progress are stuck; {}",
                story(&told)
            );
        }
    }
}
