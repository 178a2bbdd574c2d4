//! Commit wait: an order of timestamps that a person with a telephone cannot refute.

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::true_time::{Interval, Leader, TrueTime, is_past, wait};

pub(crate) const TESTS: &[Test] = tests![
    right_after_a_comparison_it_is_wrong_by_that_error,
    it_widens_with_each_second,
    a_fraction_of_a_microsecond_widens_it,
    time_does_not_begin_before_0,
    it_contains_the_true_time,
    a_timestamp_is_surely_not_before_now,
    timestamps_of_a_leader_rise,
    past_is_past_wherever_in_the_interval_it_is,
    the_wait_is_as_long_as_it_must,
    who_begins_after_the_acknowledgement_is_later,
];

/// A clock that was told 1 s, give or take 1 ms, when its quartz showed 500 µs; the quartz is good to 200 µs in a second.
const CLOCK: TrueTime = TrueTime {
    synced_at: 500,
    told: 1_000_000,
    error: 1_000,
    drift_ppm: 200,
};

fn interval(earliest: u64, latest: u64) -> Interval {
    Interval { earliest, latest }
}

fn right_after_a_comparison_it_is_wrong_by_that_error() {
    assert_eq!(
        CLOCK.now(500),
        interval(999_000, 1_001_000),
        "it was told 1,000,000 µs this moment, which may be wrong by 1,000 one way or the other"
    );
}

fn it_widens_with_each_second() {
    assert_eq!(
        CLOCK.now(2_000_500),
        interval(2_998_600, 3_001_400),
        "2 s have passed since; in that time the quartz may have gone wrong by 400 µs, beside the 1,000 of the beginning"
    );
    assert_eq!(
        CLOCK.now(30_000_500),
        interval(31_000_000 - 7_000, 31_000_000 + 7_000),
        "after 30 s it is 6,000 µs; this is the saw-tooth of the paper, from 1 to 7 ms"
    );
}

fn a_fraction_of_a_microsecond_widens_it() {
    assert_eq!(
        CLOCK.now(501),
        interval(999_000, 1_001_002),
        "in 1 µs the quartz may have gone wrong by 0.0002 µs: rounded down, the interval would not be certain"
    );
}

fn time_does_not_begin_before_0() {
    let young = TrueTime {
        synced_at: 0,
        told: 10,
        error: 1_000,
        drift_ppm: 200,
    };
    assert_eq!(
        young.now(0),
        interval(0, 1_010),
        "nothing is earlier than 0 µs"
    );
}

fn a_timestamp_is_surely_not_before_now() {
    let mut leader = Leader::default();
    let timestamp = leader.assign(interval(900, 1_100));
    assert_eq!(
        timestamp, 1_100,
        "the true time may be as late as 1,100: an earlier timestamp might be before the transaction arrived"
    );
    assert_eq!(leader.last, 1_100, "and the leader remembers it");
}

fn timestamps_of_a_leader_rise() {
    let mut leader = Leader { last: 5_000 };
    assert_eq!(
        leader.assign(interval(900, 1_100)),
        5_001,
        "it has given 5,000 before"
    );
    assert_eq!(
        leader.assign(interval(900, 1_100)),
        5_002,
        "two transactions of one leader never have the same timestamp"
    );
    let mut leader = Leader { last: 1_100 };
    assert_eq!(leader.assign(interval(900, 1_100)), 1_101);
}

fn past_is_past_wherever_in_the_interval_it_is() {
    assert!(!is_past(1_000, interval(900, 1_100)), "it may be 900 still");
    assert!(
        !is_past(1_000, interval(1_000, 1_200)),
        "it may be 1,000 exactly: another leader could still give 1,000 to a transaction that begins now"
    );
    assert!(
        is_past(1_000, interval(1_001, 1_201)),
        "it is 1,001 at least"
    );
}

fn the_wait_is_as_long_as_it_must() {
    assert_eq!(
        wait(1_100, interval(900, 1_100)),
        201,
        "from 900 to 1,101, by a clock that does not widen: twice the uncertainty, and one"
    );
    assert_eq!(
        wait(1_000, interval(1_000, 1_200)),
        1,
        "1,000 is not past yet"
    );
    assert_eq!(wait(1_000, interval(1_001, 1_201)), 0, "1,000 is past");
    assert_eq!(wait(1_000, interval(9_000, 9_200)), 0, "1,000 is long past");
}

/// A machine: its clock, and how its quartz runs in truth.
#[derive(Clone, Debug)]
struct Machine {
    clock: TrueTime,
    /// The true time of the comparison.
    compared_at: u64,
    /// By how much the quartz is too fast, in millionths; within what the clock allows for.
    fast_ppm: i64,
}

impl Machine {
    fn now(&self, true_time: u64) -> Interval {
        let elapsed = i128::from(true_time - self.compared_at);
        let runs = elapsed + elapsed * i128::from(self.fast_ppm) / 1_000_000;
        self.clock
            .now(self.clock.synced_at + u64::try_from(runs).unwrap())
    }
}

prop_compose! {
    /// A machine that compared its clock some time before the true time 100 s.
    fn machines()(
        synced_at in 0..1_000_000u64,
        ago in 0..60_000_000u64,
        error in 0..5_000u64,
        share in -100..=100i64,
        drift_ppm in 0..400u64,
        fast in -100..=100i64,
    ) -> Machine {
        let compared_at = 100_000_000 - ago;
        let wrong = i64::try_from(error).unwrap() * share / 100;
        let told = compared_at.checked_add_signed(wrong).unwrap();
        // A little less than what it allows for, so that rounding here makes it no liar.
        let fast_ppm = (i64::try_from(drift_ppm).unwrap() - 1) * fast / 100;
        let clock = TrueTime { synced_at, told, error, drift_ppm };
        Machine { clock, compared_at, fast_ppm }
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn it_contains_the_true_time(machine in machines(), later in 0..60_000_000u64) {
        let true_time = 100_000_000 + later;
        let now = machine.now(true_time);
        prop_assert!(
            now.earliest <= true_time && true_time <= now.latest,
            "it is {} in truth, and the clock says {:?}", true_time, now
        );
    }

    fn who_begins_after_the_acknowledgement_is_later(
        machines in proptest::collection::vec(machines(), 1..4),
        transactions in proptest::collection::vec((any::<prop::sample::Index>(), 0..20_000u64), 2..12),
    ) {
        let mut leaders = vec![Leader::default(); machines.len()];
        let mut true_time = 100_000_000;
        let mut last = None;
        for (which, pause) in transactions {
            // This transaction begins when the one before has been acknowledged: by telephone, as it were.
            true_time += pause;
            let which = which.index(machines.len());
            let timestamp = leaders[which].assign(machines[which].now(true_time));
            if let Some(last) = last {
                prop_assert!(
                    timestamp > last,
                    "at {} the transaction before had been acknowledged with {}, and this one gets {}", true_time, last, timestamp
                );
            }
            let mut asked = 0;
            while !is_past(timestamp, machines[which].now(true_time)) {
                let wait = wait(timestamp, machines[which].now(true_time));
                prop_assert!(wait > 0, "there is something to wait for, and the wait is 0");
                true_time += wait;
                asked += 1;
                prop_assert!(asked < 100, "after a hundred waits {} is still not past", timestamp);
            }
            last = Some(timestamp);
        }
    }
}
