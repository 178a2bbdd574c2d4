//! What is remembered of attempts.

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
