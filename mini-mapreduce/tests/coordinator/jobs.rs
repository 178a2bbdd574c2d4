//! A job from its beginning to its end, also under a coordinator that is started again.

use super::*;

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
