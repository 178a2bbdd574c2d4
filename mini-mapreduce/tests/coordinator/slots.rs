//! Who gets which slot: near to the data, and second attempts.

use super::history::timeline;
use super::*;

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

/// No worker is on that machine, so only the file system can have said where it stands.
#[test]
fn a_rack_is_near_where_the_file_system_says_that_the_data_is_in_it() {
    for (rack, seconds) in [("/rack", 3), ("/other", 6)] {
        let mut story = Story::new();
        let mut splits = splits(&[&["far"]]);
        splits[0].racks = vec![rack.to_owned()];
        let job = story.submit(7, spec(1), splits);
        let mut a = story.worker("a", 1);
        assert_eq!(story.beat(&mut a), [] as [&str; 0]);
        story.wait(seconds - 1);
        assert_eq!(story.beat(&mut a), [] as [&str; 0], "{rack}");
        story.wait(1);
        assert_eq!(story.beat(&mut a).len(), 1, "{rack}");
        let job = story.core.job(job).unwrap();
        let places: Vec<_> = job.history.attempts().map(|(_, a)| a.locality).collect();
        let place = if seconds == 3 {
            Locality::Rack
        } else {
            Locality::Any
        };
        assert_eq!(places, [Some(place)]);
    }
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
