//! Who is slower than the others.

use std::collections::BTreeMap;

use autograder::{Test, tests};
use mini_hdfs::block::DatanodeId;
use mini_hdfs::datanode::outliers::{OutlierConfig, median, outliers};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    outliers_median_lies_in_the_middle,
    outliers_median_of_an_even_number_lies_between_two,
    outliers_stand_out_from_nodes_that_are_alike,
    outliers_are_three_times_slower_than_the_median,
    outliers_are_few_where_all_differ,
    outliers_deviation_is_scaled,
    outliers_do_not_hide_each_other,
    outliers_are_not_looked_for_among_few,
    outliers_are_not_fast,
    outliers_come_with_their_latency,
    outliers_follow_the_three_limits_in_any_case,
];

/// Nodes 0, 1, 2, … with these averages, in milliseconds; those of them that are slow.
fn slow(latencies_ms: &[u64]) -> Vec<u64> {
    slow_with(latencies_ms, &OutlierConfig::default())
}

fn slow_with(latencies_ms: &[u64], config: &OutlierConfig) -> Vec<u64> {
    let latencies = (0..)
        .map(DatanodeId)
        .zip(latencies_ms.iter().map(|ms| ms * 1000));
    let found = outliers(&latencies.collect(), config);
    found.keys().map(|id| id.0).collect()
}

fn outliers_median_lies_in_the_middle() {
    assert_eq!(median(&[7]), 7);
    assert_eq!(median(&[9, 1, 5]), 5, "they are sorted first");
    assert_eq!(median(&[3, 3, 900]), 3, "however far away the others are");
    assert_eq!(median(&[]), 0, "there are none");
}

fn outliers_median_of_an_even_number_lies_between_two() {
    assert_eq!(median(&[10, 1, 4, 2]), 3, "half-way between 2 and 4");
    assert_eq!(median(&[5, 2]), 3, "three and a half, rounded down");
    assert_eq!(
        median(&[u64::MAX, u64::MAX - 2]),
        u64::MAX - 1,
        "numbers of any size"
    );
}

fn outliers_stand_out_from_nodes_that_are_alike() {
    assert_eq!(
        slow(&[8, 9, 10, 11, 12, 9, 10, 11, 10, 200]),
        [9],
        "the last takes 200 ms, the others about 10"
    );
    assert!(slow(&[10; 12]).is_empty(), "all are alike");
}

fn outliers_are_three_times_slower_than_the_median() {
    assert!(
        slow(&[10, 10, 10, 10, 10, 10, 10, 10, 10, 30]).is_empty(),
        "three times the median is not more than three times the median"
    );
    assert_eq!(slow(&[10, 10, 10, 10, 10, 10, 10, 10, 10, 31]), [9]);
}

fn outliers_are_few_where_all_differ() {
    // The median is 45, the median distance from it 25; 45 + 3 × 1.4826 × 25 is 156.2.
    let others = [1, 10, 20, 30, 40, 50, 60, 70, 80];
    let with = |last| slow(&[&others[..], &[last]].concat());
    assert!(
        with(150).is_empty(),
        "more than three times the median, but all differ"
    );
    assert_eq!(
        with(157),
        [9],
        "further away than the others' differences explain"
    );
}

fn outliers_deviation_is_scaled() {
    let others = [1, 10, 20, 30, 40, 50, 60, 70, 80];
    let with = |last| slow(&[&others[..], &[last]].concat());
    assert!(
        with(140).is_empty(),
        "45 + 3 × 25 is 120, but the deviation counts 1.4826 times"
    );
}

fn outliers_do_not_hide_each_other() {
    assert_eq!(
        slow(&[8, 9, 10, 11, 12, 9, 10, 11, 900, 90]),
        [8, 9],
        "a mean would be drawn up by 900 ms, and 90 ms would not stand out any more"
    );
}

fn outliers_are_not_looked_for_among_few() {
    let nine = [10, 10, 10, 10, 10, 10, 10, 10, 900];
    assert!(slow(&nine).is_empty(), "nine nodes, and ten are needed");
    let config = OutlierConfig {
        nodes_min: 9,
        ..OutlierConfig::default()
    };
    assert_eq!(slow_with(&nine, &config), [8], "here nine will do");
    let config = OutlierConfig {
        nodes_min: 0,
        ..OutlierConfig::default()
    };
    assert!(slow_with(&[], &config).is_empty(), "there is nobody");
}

fn outliers_are_not_fast() {
    assert!(
        slow(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 5]).is_empty(),
        "5 ms is the threshold: slow compared with the others, but not slow"
    );
    assert_eq!(slow(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 6]), [9]);
}

fn outliers_come_with_their_latency() {
    let fast = (0..10).map(|id| (DatanodeId(id), 1000));
    let all: BTreeMap<DatanodeId, u64> = fast.chain([(DatanodeId(77), 250_000)]).collect();
    assert_eq!(
        outliers(&all, &OutlierConfig::default()),
        BTreeMap::from([(DatanodeId(77), 250_000)]),
        "who is slow, and how slow"
    );
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn outliers_follow_the_three_limits_in_any_case(
        latencies in proptest::collection::vec(0..200_000u64, 0..25),
        nodes_min in 0..15usize,
        low_threshold_us in 0..50_000u64,
    ) {
        let config = OutlierConfig { nodes_min, low_threshold_us };
        let all: BTreeMap<DatanodeId, u64> = (0..).map(DatanodeId).zip(latencies.clone()).collect();
        let found = outliers(&all, &config);
        // Twice the middle one or twice the middle between two, so that nothing is rounded.
        let twice_middle = |values: &[u64]| {
            let mut sorted = values.to_vec();
            sorted.sort_unstable();
            match sorted.len() {
                0 => 0,
                n => sorted[(n - 1) / 2] + sorted[n / 2],
            }
        };
        let middle_2 = twice_middle(&latencies);
        let distances_2: Vec<u64> = latencies.iter().map(|l| (2 * l).abs_diff(middle_2)).collect();
        let deviation_4 = twice_middle(&distances_2);
        // All of it 40,000 times, since the scale has four decimals.
        let limit = (40_000 * low_threshold_us)
            .max(60_000 * middle_2)
            .max(20_000 * middle_2 + 3 * 14_826 * deviation_4);
        for (id, latency) in &all {
            // Where a fraction decides, either answer will do.
            if (40_000 * latency).abs_diff(limit) > 10 * 40_000 {
                let expected = latencies.len() >= nodes_min && 40_000 * latency > limit;
                prop_assert_eq!(
                    found.get(id).copied(),
                    expected.then_some(*latency),
                    "{} of {:?} is judged; the limit is about {}", latency, latencies, limit / 40_000
                );
            }
        }
    }
}
