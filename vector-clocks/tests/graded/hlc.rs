//! The hybrid clock: in order like Lamport's, and near the time of day.

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::hlc::{HlcError, HybridClock, MILLIS_MAX, Timestamp};

use crate::execution::{executions, happened_before};

pub(crate) const TESTS: &[Test] = tests![
    it_shows_the_wall_s_time,
    events_of_one_millisecond_are_counted,
    the_counter_begins_anew_with_the_next_millisecond,
    a_wall_clock_that_goes_back_does_not_take_it_along,
    a_message_from_ahead_pulls_it_along,
    a_message_from_behind_does_not_turn_it_back,
    of_equal_milliseconds_the_higher_counter_counts,
    a_timestamp_from_too_far_ahead_is_refused,
    the_limit_itself_is_believed,
    a_full_counter_carries_over,
    it_does_not_run_away_from_the_wall,
    a_wall_clock_beyond_all_dates_is_refused,
    what_happened_before_is_less_and_near,
];

/// How far ahead timestamps may be in these tests, in milliseconds.
const DRIFT_MAX: u64 = 500;

fn at(millis: u64, counter: u16) -> Timestamp {
    Timestamp::new(millis, counter)
}

/// A clock that has given this timestamp.
fn clock(millis: u64, counter: u16) -> HybridClock {
    HybridClock {
        latest: at(millis, counter),
        drift_max_ms: DRIFT_MAX,
    }
}

fn it_shows_the_wall_s_time() {
    let mut it = HybridClock::new(DRIFT_MAX);
    assert_eq!(
        it.now(1_000),
        Ok(at(1_000, 0)),
        "the wall clock is ahead of all that was: it is 1000 ms, with the counter 0"
    );
    assert_eq!(it.latest, at(1_000, 0), "and the clock remembers it");
}

fn events_of_one_millisecond_are_counted() {
    let mut it = clock(1_000, 0);
    let three = [it.now(1_000), it.now(1_000), it.now(1_000)];
    assert_eq!(
        three,
        [Ok(at(1_000, 1)), Ok(at(1_000, 2)), Ok(at(1_000, 3))],
        "three events in the same millisecond have three timestamps"
    );
}

fn the_counter_begins_anew_with_the_next_millisecond() {
    assert_eq!(
        clock(1_000, 7).now(1_001),
        Ok(at(1_001, 0)),
        "the wall clock has moved on by a millisecond"
    );
}

fn a_wall_clock_that_goes_back_does_not_take_it_along() {
    let mut it = clock(1_000, 7);
    assert_eq!(
        it.now(900),
        Ok(at(1_000, 8)),
        "the wall clock was set back by 100 ms: the latest timestamp is counted on"
    );
    assert_eq!(
        it.now(1_000),
        Ok(at(1_000, 9)),
        "until the wall clock has caught up"
    );
    assert_eq!(it.now(1_001), Ok(at(1_001, 0)));
}

fn a_message_from_ahead_pulls_it_along() {
    let mut it = clock(1_000, 3);
    assert_eq!(
        it.observe(at(1_200, 5), 1_000),
        Ok(at(1_200, 6)),
        "the message was sent at 1200.5, by a clock that is 200 ms ahead: it has not arrived before that"
    );
    assert_eq!(
        it.now(1_001),
        Ok(at(1_200, 7)),
        "and what happens here next is later than its arrival"
    );
}

fn a_message_from_behind_does_not_turn_it_back() {
    assert_eq!(
        clock(1_000, 3).observe(at(800, 9), 1_000),
        Ok(at(1_000, 4)),
        "the message was sent long ago; its arrival follows on what happened here"
    );
    assert_eq!(
        clock(1_000, 3).observe(at(800, 9), 1_005),
        Ok(at(1_005, 0)),
        "where the wall clock is ahead of both, it is the wall clock's time"
    );
}

fn of_equal_milliseconds_the_higher_counter_counts() {
    assert_eq!(
        clock(1_000, 3).observe(at(1_000, 9), 1_000),
        Ok(at(1_000, 10)),
        "1000.3 was here and 1000.9 there"
    );
    assert_eq!(
        clock(1_000, 9).observe(at(1_000, 3), 1_000),
        Ok(at(1_000, 10))
    );
}

fn a_timestamp_from_too_far_ahead_is_refused() {
    let mut it = clock(1_000, 3);
    let refused = it.observe(at(1_501, 0), 1_000);
    let (ahead_ms, drift_max_ms) = (501, DRIFT_MAX);
    assert_eq!(
        refused,
        Err(HlcError::RemoteAhead {
            ahead_ms,
            drift_max_ms
        }),
        "501 ms ahead of the wall clock is more than 500"
    );
    assert_eq!(
        it,
        clock(1_000, 3),
        "what is refused leaves no trace: one bad clock must not rule the others"
    );
    let mut pulled = clock(1_400, 3);
    assert!(
        pulled.observe(at(1_800, 0), 1_000).is_err(),
        "1800 is 800 ms ahead of the wall clock, though only 400 ahead of the latest timestamp: step by step, messages would \
         take the clock anywhere"
    );
    let refused = it.observe(Timestamp(u64::MAX), 1_000);
    assert!(refused.is_err(), "the last timestamp of all was believed");
    assert_eq!(it, clock(1_000, 3));
}

fn the_limit_itself_is_believed() {
    assert_eq!(
        clock(1_000, 3).observe(at(1_500, 8), 1_000),
        Ok(at(1_500, 9)),
        "500 ms ahead is not more than 500"
    );
    assert_eq!(
        clock(1_400, 3).observe(at(1_500, 8), 1_000),
        Ok(at(1_500, 9)),
        "what counts is the wall clock, and not the latest timestamp"
    );
}

fn a_full_counter_carries_over() {
    assert_eq!(
        clock(1_000, u16::MAX).now(1_000),
        Ok(at(1_001, 0)),
        "the counter of 1000 is full: the next timestamp is in the next millisecond, and not 1000.0 again"
    );
    assert_eq!(
        clock(1_000, 0).observe(at(1_200, u16::MAX), 1_000),
        Ok(at(1_201, 0)),
        "the same with a message's counter"
    );
}

fn it_does_not_run_away_from_the_wall() {
    let mut it = clock(1_500, u16::MAX);
    let (ahead_ms, drift_max_ms) = (501, DRIFT_MAX);
    let too_far = Err(HlcError::TooFarAhead {
        ahead_ms,
        drift_max_ms,
    });
    assert_eq!(
        it.now(1_000),
        too_far,
        "the next timestamp would be 1501.0, and the wall clock shows 1000"
    );
    assert_eq!(
        it,
        clock(1_500, u16::MAX),
        "what is refused leaves no trace"
    );
    assert_eq!(
        clock(1_000, 0).observe(at(1_500, u16::MAX), 1_000),
        too_far,
        "the message may be believed, but there is no timestamp left for its arrival"
    );
    assert_eq!(
        it.now(1_001),
        Ok(at(1_501, 0)),
        "a millisecond later there is"
    );
}

fn a_wall_clock_beyond_all_dates_is_refused() {
    let wall_ms = MILLIS_MAX + 1;
    let mut it = clock(1_000, 3);
    assert_eq!(
        it.now(wall_ms),
        Err(HlcError::WallOutOfRange { wall_ms }),
        "the milliseconds have 48 bits, and {wall_ms} needs 49"
    );
    assert_eq!(
        it.observe(at(1_000, 0), wall_ms),
        Err(HlcError::WallOutOfRange { wall_ms })
    );
    assert_eq!(it, clock(1_000, 3), "what is refused leaves no trace");
    let mut last = HybridClock {
        latest: Timestamp(u64::MAX),
        drift_max_ms: u64::MAX,
    };
    assert!(
        last.now(MILLIS_MAX).is_err(),
        "after the last timestamp of all there is none"
    );
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn what_happened_before_is_less_and_near(
        events in executions(),
        // Each process' wall clock is wrong by so much, and it is some milliseconds later at each event.
        wrong in proptest::collection::vec(0..100u64, 4),
        steps in proptest::collection::vec(0..3u64, 30),
    ) {
        let epsilon = 100;
        let mut clocks: Vec<HybridClock> = (0..4).map(|_| HybridClock::new(epsilon)).collect();
        let mut stamps: Vec<Timestamp> = Vec::new();
        let mut time = 1_000;
        for (i, event) in events.iter().enumerate() {
            time += steps[i];
            let wall = time + wrong[event.process];
            let clock = &mut clocks[event.process];
            let stamp = match event.sent_at {
                Some(sent) => clock.observe(stamps[sent], wall),
                None => clock.now(wall),
            };
            let Ok(stamp) = stamp else {
                return Err(TestCaseError::fail(format!("event {i}: the clocks differ by less than {epsilon} ms, and it says {stamp:?}")));
            };
            let millis = stamp.millis();
            prop_assert!(millis >= wall, "event {} is at {} ms by the wall clock and has the timestamp {}", i, wall, stamp);
            prop_assert!(millis < time + epsilon, "event {} is at {} ms and has the timestamp {}", i, time, stamp);
            stamps.push(stamp);
        }
        for (i, before) in happened_before(&events).iter().enumerate() {
            for &j in before {
                prop_assert!(stamps[j] < stamps[i], "event {} happened before event {}: {} and {}", j, i, stamps[j], stamps[i]);
            }
        }
    }
}
