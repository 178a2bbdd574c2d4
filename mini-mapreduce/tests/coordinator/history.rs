//! What is remembered of attempts.

use mini_mapreduce::coordinator::history::HISTORIES_KEPT;
use node::Disk;

use super::*;

/// What is remembered of the attempts: worker and slot, from when to when in seconds, how it ended.
pub(super) fn timeline(story: &Story) -> Vec<String> {
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

/// A job whose attempts fared differently, and which is over.
fn over() -> Story {
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
    story
}

/// What it shows, which has to be the same wherever it is looked at.
fn shows_all(story: &Story, ended: Time) {
    assert_eq!(
        timeline(story),
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
    assert_eq!((job.submitted, job.ended), (Some(Time::ZERO), Some(ended)));
    let tally = job.history.tally(TaskKind::Map);
    assert_eq!(
        (tally.launched, tally.succeeded, tally.failed, tally.killed),
        (5, 3, 1, 1)
    );
    assert_eq!(job.counters_of(TaskKind::Map).get_task("TASKS"), 3);
    let winners = job
        .winners(TaskKind::Map)
        .chain(job.winners(TaskKind::Reduce));
    let winners: Vec<String> = winners.map(|(id, _)| name(&id)).collect();
    let expected = ["m_000000_1", "m_000001_0", "m_000002_1", "r_000000_0"];
    assert_eq!(winners, expected.map(|id| format!("attempt_0001_{id}")));
    assert_eq!((job.maps[0].failures, job.maps[1].failures), (1, 0));
}

#[test]
fn what_has_become_of_attempts_is_remembered_for_a_timeline() {
    let story = over();
    shows_all(&story, story.now);
}

#[test]
fn a_coordinator_that_is_started_again_shows_what_the_earlier_one_did() {
    let mut story = over();
    let ended = story.now;
    for _ in 0..2 {
        story.wait(100);
        story.restart();
        shows_all(&story, ended);
    }
}

#[test]
fn a_history_that_is_damaged_or_gone_is_missed_by_nobody_else() {
    let mut story = over();
    story.restart();
    let file = "history/job_0001.jhist";
    let bytes = story.disk.read(file).unwrap();
    let restarted = |story: &mut Story| {
        story.restart();
        let job = story.core.job(JobId(1)).unwrap();
        assert_eq!(job.state, JobState::Succeeded);
        assert_eq!(job.counters().get_task("TASKS"), 3);
        job.history.attempts().count()
    };
    for at in (0..bytes.len()).step_by(11) {
        story
            .disk
            .write_at(file, at as u64, &[bytes[at] ^ 8])
            .unwrap();
        assert_eq!(restarted(&mut story), 0, "damaged at byte {at}");
        story.disk.write_at(file, 0, &bytes).unwrap();
    }
    for length in [0, 3, bytes.len() - 1] {
        story.disk.truncate(file, length as u64).unwrap();
        assert_eq!(restarted(&mut story), 0, "cut off after {length} bytes");
        story.disk.write_at(file, 0, &bytes).unwrap();
    }
    assert_eq!(restarted(&mut story), 6);
    story.disk.remove(file).unwrap();
    assert_eq!(restarted(&mut story), 0);
}

#[test]
fn what_a_crash_left_of_a_history_is_in_nobodys_way() {
    let mut story = Story::new();
    story
        .disk
        .write_at("history/new", 0, &[7; 100_000])
        .unwrap();
    let job = story.one_more(1, 1);
    assert_eq!(story.disk.list("history").unwrap(), ["job_0001.jhist"]);
    story.restart();
    assert_eq!(story.core.job(job).unwrap().history.attempts().count(), 1);
}

#[test]
fn the_newest_histories_are_kept() {
    let mut story = Story::new();
    let jobs: Vec<JobId> = (0..HISTORIES_KEPT as u64 + 3)
        .map(|token| story.one_more(token + 1, 1))
        .collect();
    let kept = |story: &Story| {
        let attempts = |job: &JobId| story.core.job(*job).unwrap().history.attempts().count();
        jobs.iter().map(attempts).collect::<Vec<_>>()
    };
    let expected = [vec![0; 3], vec![1; HISTORIES_KEPT]].concat();
    assert_eq!(kept(&story), expected);
    assert_eq!(story.disk.list("history").unwrap().len(), HISTORIES_KEPT);
    story.restart();
    assert_eq!(kept(&story), expected);
}
