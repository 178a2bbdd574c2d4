//! Histograms for `openraft`, which counts with them how long its batches are: as much of the crate `base2histogram` as it calls, in memory
//! that grows with what is counted.
//!
//! It is here because that crate, in version 0.2.3, keeps tables of 24 MiB in every process that counts anything. It can go, with its line under
//! `[patch.crates-io]`, as soon as `openraft` is pinned to a version that uses one without them, or none.

use std::fmt;
use std::marker::PhantomData;

/// Values below are counted one by one.
const EXACT: u64 = 8;
/// Into so many buckets goes what lies between two powers of two.
const PER_POWER: usize = 4;

/// Counts values. A percentile is off by an eighth of its value at most; below 8 it is exact.
///
/// `T` is what the crate that this stands in for keeps beside a period of time; here there is one period, and nothing is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Histogram<T = ()> {
    /// How many values each bucket has got, up to the last one with any.
    buckets: Vec<u64>,
    total: u64,
    of: PhantomData<T>,
}

impl<T> Default for Histogram<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Histogram<T> {
    /// One that has counted nothing.
    pub fn new() -> Self {
        Histogram {
            buckets: Vec::new(),
            total: 0,
            of: PhantomData,
        }
    }

    /// Counts a value.
    pub fn record(&mut self, value: u64) {
        self.record_n(value, 1);
    }

    /// Counts a value as often as `count` says.
    pub fn record_n(&mut self, value: u64, count: u64) {
        if count == 0 {
            return;
        }
        let bucket = bucket(value);
        if self.buckets.len() <= bucket {
            self.buckets.resize(bucket + 1, 0);
        }
        self.buckets[bucket] = self.buckets[bucket].saturating_add(count);
        self.total = self.total.saturating_add(count);
    }

    /// How many values were counted.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The smallest value that so many permille are not greater than, or one near it; 0 where nothing was counted.
    fn permille(&self, permille: u128) -> u64 {
        let rank = (u128::from(self.total) * permille).div_ceil(1000);
        let mut seen = 0;
        let reached = self.buckets.iter().position(|count| {
            seen += u128::from(*count);
            seen >= rank.max(1)
        });
        reached.map_or(0, middle)
    }

    /// The percentiles that are looked at most.
    pub fn percentile_stats(&self) -> PercentileStats {
        PercentileStats {
            samples: self.total,
            p0_1: self.permille(1),
            p1: self.permille(10),
            p5: self.permille(50),
            p10: self.permille(100),
            p50: self.permille(500),
            p90: self.permille(900),
            p99: self.permille(990),
            p99_9: self.permille(999),
        }
    }
}

/// The bucket of a value: its highest bit and the two behind it say which.
fn bucket(value: u64) -> usize {
    let shift = value.max(EXACT / 2).ilog2() - 2;
    // Less than eight of them.
    let leading = usize::try_from(value >> shift).unwrap_or(0);
    shift as usize * PER_POWER + leading
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let shift = (bucket / PER_POWER).saturating_sub(1);
    let first = ((bucket - shift * PER_POWER) as u64) << shift;
    first + ((1 << shift) - 1) / 2
}

/// How values are distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PercentileStats {
    /// How many there are.
    pub samples: u64,
    /// One in a thousand is not greater.
    pub p0_1: u64,
    /// One in a hundred is not greater.
    pub p1: u64,
    /// One in twenty is not greater.
    pub p5: u64,
    /// One in ten is not greater.
    pub p10: u64,
    /// The median.
    pub p50: u64,
    /// Nine in ten are not greater.
    pub p90: u64,
    /// All but one in a hundred are not greater.
    pub p99: u64,
    /// All but one in a thousand are not greater.
    pub p99_9: u64,
}

impl fmt::Display for PercentileStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PercentileStats {
            samples,
            p0_1,
            p1,
            p5,
            p10,
            p50,
            p90,
            p99,
            p99_9,
        } = self;
        write!(
            f,
            "{samples} values: p0.1 {p0_1}, p1 {p1}, p5 {p5}, p10 {p10}, p50 {p50}, p90 {p90}, p99 {p99}, p99.9 {p99_9}"
        )
    }
}

/// A chart that draws nothing: `openraft` does not look at it without its feature `runtime-stats`.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsciiChart;

impl AsciiChart {
    /// One without histograms.
    pub fn new() -> Self {
        AsciiChart
    }

    /// With one more.
    #[must_use]
    pub fn add(self, _name: &str, _histogram: Histogram) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn histogram(values: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::<()>::new();
        values.into_iter().for_each(|value| histogram.record(value));
        histogram
    }

    #[test]
    fn a_value_is_off_by_an_eighth_at_most() {
        let powers = (0..64).map(|power| 1_u64 << power);
        let values = powers.flat_map(|power| [power - 1, power, power + power / 3, power | 5]);
        for value in values.chain([u64::MAX]) {
            let told = histogram([value]).percentile_stats().p50;
            let most = if value < EXACT { 0 } else { value / 8 };
            assert!(told.abs_diff(value) <= most, "{told} instead of {value}");
        }
    }

    #[test]
    fn buckets_follow_one_another() {
        let mut last = 0;
        for value in 0..100_000 {
            let next = bucket(value);
            assert!(
                next == last || next == last + 1,
                "{value}: {next} behind {last}"
            );
            last = next;
        }
        assert_eq!(bucket(u64::MAX), 62 * PER_POWER + 3);
    }

    #[test]
    fn percentiles_are_those_of_the_values() {
        let stats = histogram(1..=10_000).percentile_stats();
        assert_eq!(stats.samples, 10_000);
        let told = [
            (stats.p0_1, 10),
            (stats.p1, 100),
            (stats.p5, 500),
            (stats.p10, 1_000),
            (stats.p50, 5_000),
            (stats.p90, 9_000),
            (stats.p99, 9_900),
            (stats.p99_9, 9_990),
        ];
        for (told, is) in told {
            assert!(told.abs_diff(is) <= is / 8, "{told} instead of {is}");
        }
    }

    #[test]
    fn small_values_are_exact() {
        let mut histogram = histogram([7; 10]);
        histogram.record_n(3, 89);
        histogram.record_n(0, 1);
        let stats = histogram.percentile_stats();
        assert_eq!((stats.p0_1, stats.p1, stats.p5), (0, 0, 3));
        assert_eq!((stats.p50, stats.p90, stats.p99), (3, 3, 7));
        assert_eq!(
            stats.to_string(),
            "100 values: p0.1 0, p1 0, p5 3, p10 3, p50 3, p90 3, p99 7, p99.9 7"
        );
    }

    #[test]
    fn nothing_counted_is_zero_and_takes_no_memory() {
        let mut none = Histogram::<()>::default();
        none.record_n(1 << 40, 0);
        assert_eq!(none, Histogram::new());
        assert_eq!(none.buckets.capacity(), 0);
        assert_eq!((none.total(), none.percentile_stats().p99_9), (0, 0));
    }

    #[test]
    fn too_many_to_count_are_very_many() {
        let mut many = histogram([1]);
        many.record_n(2, u64::MAX);
        assert_eq!(many.total(), u64::MAX);
        assert_eq!(many.percentile_stats().p50, 2);
    }
}
