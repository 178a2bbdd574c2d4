//! What is done with a job's output, by somebody who may fail, be slow, or be cut off in the middle.

use super::*;

fn full_disk() -> Result<(), ActionError> {
    let reason = "cannot commit out: no space left on device".to_owned();
    Err(ActionError {
        reason,
        may_pass: true,
    })
}

fn missing_part() -> Result<(), ActionError> {
    let reason = "part-m-00000 is gone".to_owned();
    Err(ActionError {
        reason,
        may_pass: false,
    })
}

impl Story {
    /// Waits as many seconds as it takes until something is to be done.
    fn until_asked(&mut self) -> (u64, Vec<&'static str>) {
        for seconds in 1..1000 {
            self.wait(1);
            let asked = self.asked();
            if !asked.is_empty() {
                return (seconds, asked);
            }
        }
        panic!("nothing is asked for any more");
    }

    fn reason(&self) -> &str {
        match self.state() {
            JobState::Failed { reason } => reason,
            state => panic!("{state:?}"),
        }
    }
}

#[test]
fn no_task_runs_before_the_output_directory_is_there() {
    let mut story = Story::new();
    story.core.submit(7, spec(1), splits(&[&[]])).unwrap();
    let mut a = story.worker("a", 1);
    assert_eq!(story.beat(&mut a), [] as [&str; 0]);
    // The coordinator dies before anybody knows whether it was made.
    story.restart();
    assert!(matches!(
        story.core.take_actions()[..],
        [Action::SetUp { is_again: true, .. }]
    ));
    story.register(&a, "a", 1);
    assert_eq!(story.beat(&mut a), [] as [&str; 0]);
    story.core.set_up(JobId(1), Ok(()), story.now);
    assert_eq!(story.beat(&mut a), ["attempt_0001_m_000000_1000000"]);
}

#[test]
fn a_job_whose_output_cannot_be_made_is_over_and_what_is_there_is_left_alone() {
    let mut story = Story::new();
    story.core.submit(7, spec(1), splits(&[&[]])).unwrap();
    story.asked();
    story.core.set_up(JobId(1), missing_part(), story.now);
    assert_eq!(story.reason(), "part-m-00000 is gone");
    assert_eq!(story.asked(), [] as [&str; 0]);
}

#[test]
fn a_job_that_is_killed_while_its_output_is_made_leaves_nothing() {
    let mut story = Story::new();
    story.core.submit(7, spec(1), splits(&[&[]])).unwrap();
    story.asked();
    assert!(story.core.kill_job(JobId(1), "killed"));
    assert_eq!(story.asked(), [] as [&str; 0], "it may be another's yet");
    story.core.set_up(JobId(1), Ok(()), story.now);
    assert_eq!(story.asked(), ["abort"]);
}

#[test]
fn a_commit_that_failed_is_tried_again_while_it_may_do_better() {
    let mut story = Story::to_be_committed();
    assert_eq!(story.asked(), ["commit"]);
    let mut waits = Vec::new();
    for _ in 0..9 {
        story.core.committed(JobId(1), full_disk(), story.now);
        assert_eq!(*story.state(), JobState::Committing);
        let (seconds, asked) = story.until_asked();
        assert_eq!(asked, ["commit"]);
        waits.push(seconds);
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60, 60]);
    story.core.committed(JobId(1), Ok(()), story.now);
    assert_eq!(*story.state(), JobState::Succeeded);
    assert_eq!(story.asked(), [] as [&str; 0]);
}

#[test]
fn a_commit_that_is_given_up_leaves_nothing_visible() {
    let mut story = Story::to_be_committed();
    story.asked();
    for _ in 0..9 {
        story.core.committed(JobId(1), full_disk(), story.now);
        story.until_asked();
    }
    story.core.committed(JobId(1), full_disk(), story.now);
    assert_eq!(story.asked(), ["abort, with parts"]);
    assert_eq!(
        *story.state(),
        JobState::Committing,
        "it is not over while parts may be visible"
    );
    // That is tried again too, and a restart changes nothing.
    story.core.aborted(JobId(1), full_disk(), story.now);
    assert_eq!(story.until_asked(), (1, vec!["abort, with parts"]));
    story.restart();
    assert_eq!(story.asked(), ["abort, with parts"]);
    story.core.aborted(JobId(1), Ok(()), story.now);
    assert_eq!(
        story.reason(),
        "cannot commit out: no space left on device (tried 10 times)"
    );
    story.restart();
    assert_eq!(story.asked(), [] as [&str; 0]);
}

#[test]
fn a_commit_that_cannot_do_better_is_given_up_at_once() {
    let mut story = Story::to_be_committed();
    story.asked();
    story.core.committed(JobId(1), missing_part(), story.now);
    assert_eq!(story.asked(), ["abort, with parts"]);
    story.core.aborted(JobId(1), Ok(()), story.now);
    assert_eq!(story.reason(), "part-m-00000 is gone");
}

#[test]
fn a_job_is_killed_between_two_tries_of_its_commit() {
    let mut story = Story::to_be_committed();
    story.asked();
    assert!(!story.core.kill_job(JobId(1), "killed"), "it is at work");
    story.core.committed(JobId(1), full_disk(), story.now);
    assert!(story.core.kill_job(JobId(1), "killed"));
    assert_eq!(story.asked(), ["abort, with parts"]);
    story.restart();
    assert_eq!(story.asked(), ["abort, with parts"]);
    story.core.aborted(JobId(1), Ok(()), story.now);
    assert_eq!(story.reason(), "killed");
}
