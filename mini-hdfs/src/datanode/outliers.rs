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
    // EXERCISE(hdfs/slow-nodes): the one in the middle, or between the two in the middle.
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
/// With fewer than `nodes_min` nodes the answer is empty. Fractions of a microsecond are dropped, once for each of the three.
pub fn outliers(
    latencies_us: &BTreeMap<DatanodeId, u64>,
    config: &OutlierConfig,
) -> BTreeMap<DatanodeId, u64> {
    // EXERCISE(hdfs/slow-nodes): who is beyond all three limits?
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
