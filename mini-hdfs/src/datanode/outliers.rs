//! Who is slower than the others (`OutlierDetector`).
//!
//! A node can be slow without being dead: a disk that repeats reads, a network card that fell back to a tenth of its speed. It answers every
//! heartbeat and drags down each pipeline that it is part of. There is no limit that says "slow" -- on one cluster 50 ms
//! are a catastrophe, on another that is Monday. So a node is compared with its peers, by numbers that the slow ones themselves hardly
//! move: not mean and standard deviation, but the median, and the median of the distances from it (MAD).

use std::collections::BTreeMap;

use crate::block::DatanodeId;

/// When a node counts as an outlier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutlierConfig {
    /// With fewer nodes to compare, nothing is said (`dfs.datanode.min.outlier.detection.nodes`).
    pub nodes_min: usize,
    /// Whoever is faster than this is not slow, whatever the others do (`dfs.datanode.slowpeer.low.threshold.ms`), in
    /// microseconds.
    pub low_threshold_us: u64,
}

impl Default for OutlierConfig {
    fn default() -> OutlierConfig {
        OutlierConfig {
            nodes_min: 10,
            low_threshold_us: 5000,
        }
    }
}

/// The middle one; of an even number, half-way between the two in the middle, rounded down. 0 if there are none.
pub fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len().is_multiple_of(2)) {
        (None, _) => 0,
        (Some(high), false) => *high,
        (Some(high), true) => sorted[middle - 1].midpoint(*high),
    }
}

/// The nodes whose average latency, in microseconds, is far above that of the others. Beyond the limit is a latency that is
/// greater than each of:
///
/// - the low threshold;
/// - three times the median;
/// - the median and three times the *scaled* median absolute deviation: the median of all distances from the median, times 1.4826,
///   which makes it as large as the standard deviation where latencies are normally distributed.
///
/// With fewer than `nodes_min` nodes the answer is empty.
pub fn outliers(
    latencies_us: &BTreeMap<DatanodeId, u64>,
    config: &OutlierConfig,
) -> BTreeMap<DatanodeId, u64> {
    let mut slow = latencies_us.clone();
    if latencies_us.len() < config.nodes_min {
        slow.clear();
        return slow;
    }
    let values: Vec<u64> = latencies_us.values().copied().collect();
    let middle = median(&values);
    let distances: Vec<u64> = values.iter().map(|value| value.abs_diff(middle)).collect();
    let scaled = u128::from(median(&distances)) * 14_826 / 10_000;
    let limit = u128::from(config.low_threshold_us)
        .max(3 * u128::from(middle))
        .max(u128::from(middle) + 3 * scaled);
    slow.retain(|_, latency| u128::from(*latency) > limit);
    slow
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(latencies_ms: &[u64]) -> Vec<u64> {
        let nodes = (0..).map(DatanodeId);
        let latencies = nodes.zip(latencies_ms.iter().map(|ms| ms * 1000)).collect();
        let found = outliers(&latencies, &OutlierConfig::default());
        found.keys().map(|id| id.0).collect()
    }

    #[test]
    fn medians_lie_in_the_middle() {
        assert_eq!(median(&[]), 0);
        assert_eq!(median(&[7]), 7);
        assert_eq!(median(&[9, 1, 5]), 5);
        assert_eq!(median(&[u64::MAX, 1, 4, 2]), 3);
    }

    #[test]
    fn one_that_is_far_from_the_others_stands_out() {
        assert_eq!(slow(&[8, 9, 10, 11, 12, 9, 10, 11, 10, 200]), [9]);
        assert_eq!(slow(&[8, 9, 10, 11, 12, 9, 10, 11, 300, 200]), [8, 9]);
        assert!(
            slow(&[8, 9, 10, 11, 12, 9, 10, 11, 10, 30]).is_empty(),
            "three times the median"
        );
        assert_eq!(slow(&[8, 9, 10, 11, 12, 9, 10, 11, 10, 31]), [9]);
    }

    #[test]
    fn where_all_differ_nobody_stands_out() {
        assert!(slow(&[1, 10, 20, 30, 40, 50, 60, 70, 80, 150]).is_empty());
        assert_eq!(slow(&[1, 10, 20, 30, 40, 50, 60, 70, 80, 200]), [9]);
    }

    #[test]
    fn too_few_or_too_fast_are_not_judged() {
        assert!(
            slow(&[1, 1, 1, 1, 1, 1, 1, 1, 900]).is_empty(),
            "nine nodes"
        );
        assert!(slow(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 5]).is_empty());
        assert_eq!(slow(&[0, 0, 0, 0, 0, 0, 0, 0, 0, 6]), [9]);
    }
}
