//! Lamport's clock: later on every path, and one order that all agree on.

use std::cmp::Ordering;

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::lamport::{LamportClock, Stamp};

use crate::execution::{executions, happened_before};

pub(crate) const TESTS: &[Test] = tests![
    events_of_a_process_are_counted,
    a_message_brings_its_time_along,
    an_old_message_does_not_turn_the_clock_back,
    the_arrival_is_an_event_of_its_own,
    the_earlier_time_is_first,
    of_equal_times_the_lower_process_is_first,
    the_last_time_that_there_is_does_no_harm,
    the_order_is_total,
    what_happened_before_has_the_lower_stamp,
];

fn stamp(time: u64, process: u32) -> Stamp<u32> {
    Stamp { time, process }
}

fn events_of_a_process_are_counted() {
    let mut clock = LamportClock::new(7);
    assert_eq!(
        clock.tick(),
        stamp(1, 7),
        "the first event of process 7 has the time 1"
    );
    assert_eq!(
        clock.tick(),
        stamp(2, 7),
        "the next event has the next time"
    );
    assert_eq!(
        clock.time, 2,
        "the clock shows the time of the latest event"
    );
}

fn a_message_brings_its_time_along() {
    let mut clock = LamportClock::new(7);
    clock.tick();
    let arrived = clock.observe(10);
    assert!(
        arrived.time > 10,
        "a message was sent at 10, and its arrival has the time {}: it should be later than its sending",
        arrived.time
    );
    assert_eq!(arrived, stamp(11, 7), "it should be no later than it must");
    assert_eq!(clock.tick(), stamp(12, 7), "what comes then is later still");
}

fn an_old_message_does_not_turn_the_clock_back() {
    let mut clock = LamportClock {
        process: 7,
        time: 20,
    };
    let arrived = clock.observe(3);
    assert_eq!(
        arrived,
        stamp(21, 7),
        "a message of time 3 arrives at a clock that shows 20: its arrival follows on what happened here"
    );
    assert_eq!(clock.time, 21, "the clock never goes back");
}

fn the_arrival_is_an_event_of_its_own() {
    let mut clock = LamportClock {
        process: 7,
        time: 5,
    };
    let (first, second) = (clock.observe(5), clock.observe(5));
    assert_eq!(
        [first, second],
        [stamp(6, 7), stamp(7, 7)],
        "two messages arrive that were sent at 5, where it is 5: two events, with two times"
    );
}

fn the_earlier_time_is_first() {
    assert_eq!(
        stamp(2, 9).cmp(&stamp(3, 1)),
        Ordering::Less,
        "time 2 is before time 3, whoever's they are"
    );
    assert_eq!(stamp(3, 1).cmp(&stamp(2, 9)), Ordering::Greater);
}

fn of_equal_times_the_lower_process_is_first() {
    assert_eq!(
        stamp(4, 1).cmp(&stamp(4, 2)),
        Ordering::Less,
        "both have the time 4; without an order of processes nobody is first"
    );
    assert_eq!(stamp(4, 2).cmp(&stamp(4, 1)), Ordering::Greater);
    assert_eq!(
        stamp(4, 2).cmp(&stamp(4, 2)),
        Ordering::Equal,
        "it is the same event"
    );
}

fn the_last_time_that_there_is_does_no_harm() {
    let mut clock = LamportClock::new(7);
    assert_eq!(
        clock.observe(u64::MAX).time,
        u64::MAX,
        "a message from nowhere has the highest number there is: the clock stays at it, and does not begin at 0 again"
    );
    assert_eq!(clock.tick().time, u64::MAX);
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn the_order_is_total(times in proptest::collection::vec((0..4u64, 0..4u32), 1..12)) {
        let mut stamps: Vec<Stamp<u32>> = times.iter().map(|t| stamp(t.0, t.1)).collect();
        for a in &stamps {
            for b in &stamps {
                prop_assert_eq!(a.cmp(b), b.cmp(a).reverse(), "of {} and {} both are first", a, b);
                prop_assert_eq!(a.cmp(b) == Ordering::Equal, a == b, "different events are not equal: {} and {}", a, b);
            }
        }
        let mut other_way = stamps.clone();
        other_way.reverse();
        stamps.sort();
        other_way.sort();
        prop_assert_eq!(stamps, other_way, "two processes that sort the same stamps should see the same order");
    }

    fn what_happened_before_has_the_lower_stamp(events in executions()) {
        let mut clocks: Vec<LamportClock<usize>> = (0..4).map(LamportClock::new).collect();
        let mut stamps: Vec<Stamp<usize>> = Vec::new();
        for event in &events {
            let clock = &mut clocks[event.process];
            stamps.push(match event.sent_at {
                Some(sent) => clock.observe(stamps[sent].time),
                None => clock.tick(),
            });
        }
        for (i, before) in happened_before(&events).iter().enumerate() {
            for &j in before {
                let (a, b) = (stamps[j], stamps[i]);
                prop_assert!(a < b, "event {} happened before event {}, but its stamp {} is not lower than {}", j, i, a, b);
            }
        }
    }
}
