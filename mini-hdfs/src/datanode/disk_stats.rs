//! How long the disks of a DataNode take, and which of them is slow (`DataNodeDiskMetrics`).
//!
//! A disk that repeats its reads holds up every pipeline that has a replica on it, while its DataNode is blamed and its other disks are
//! well. It is judged among the disks of its own DataNode, which have the same work and the same controller, by the rule that finds slow
//! nodes ([`outliers`]). With few disks there is nothing to compare, so nothing is said.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use super::outliers::{OutlierConfig, outliers};
use super::rolling_averages::RollingAverages;
use super::volumes::VolumeId;
use crate::block::DatanodeId;

/// A disk is judged by this and the last window.
const WINDOWS: usize = 2;
/// Fewer samples say nothing.
const SAMPLES_MIN: u64 = 10;

/// How disks are measured and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DiskConfig {
    /// Of a hundred operations so many are measured (`dfs.datanode.fileio.profiling.sampling.percentage`); 0 for none.
    pub sampling_percent: u32,
    /// How long a window is (`dfs.datanode.outliers.report.interval`).
    pub window: Duration,
    /// With fewer disks, nothing is said (`dfs.datanode.min.outlier.detection.disks`); one that is faster than the low
    /// threshold is not slow (`dfs.datanode.slowdisk.low.threshold.ms`).
    pub outliers: OutlierConfig,
}

impl Default for DiskConfig {
    fn default() -> DiskConfig {
        DiskConfig {
            sampling_percent: 0,
            window: Duration::from_secs(30 * 60),
            outliers: OutlierConfig {
                nodes_min: 5,
                low_threshold_us: 20_000,
            },
        }
    }
}

/// What a DataNode has measured of its disks.
#[derive(Clone, Debug)]
pub struct DiskStats {
    config: DiskConfig,
    averages: RollingAverages<VolumeId>,
    operations: u32,
}

impl DiskStats {
    /// Nothing measured yet.
    pub fn new(config: DiskConfig) -> DiskStats {
        DiskStats {
            config,
            averages: RollingAverages::new(config.window, WINDOWS, SAMPLES_MIN),
            operations: 0,
        }
    }

    /// Whether to measure the operation that is about to begin.
    pub fn samples(&mut self) -> bool {
        self.operations = (self.operations + 1) % 100;
        self.operations < self.config.sampling_percent
    }

    /// An operation on a volume's disk has taken so long.
    pub fn record(&mut self, volume: VolumeId, latency: Duration, now: Time) {
        self.averages.record(volume, latency, now);
    }

    /// The average latency of each volume's disk of which enough is known, in microseconds.
    pub fn averages(&mut self, now: Time) -> BTreeMap<VolumeId, u64> {
        self.averages.averages(now)
    }

    /// Those of them that are slow.
    pub fn slow(&mut self, now: Time) -> BTreeMap<VolumeId, u64> {
        let averages = self.averages(now);
        // The rule is written for nodes, and looks at nothing of them but their latency.
        let as_nodes = averages.iter();
        let as_nodes = as_nodes.map(|(volume, latency)| (DatanodeId(volume.0.into()), *latency));
        let slow = outliers(&as_nodes.collect(), &self.config.outliers);
        let is_slow = |volume: &VolumeId| slow.contains_key(&DatanodeId(volume.0.into()));
        let slow = averages.iter().filter(|(volume, _)| is_slow(volume));
        slow.map(|(volume, latency)| (*volume, *latency)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_disk_of_five_is_slow_until_it_has_been_fast_for_two_windows() {
        let mut stats = DiskStats::new(DiskConfig {
            sampling_percent: 100,
            window: Duration::from_secs(10),
            ..DiskConfig::default()
        });
        let second = |s: u64| Time::from_millis(1000 * s);
        let work = |stats: &mut DiskStats, last_ms, at| {
            for _ in 0..10 {
                for volume in 0..4 {
                    stats.record(VolumeId(volume), Duration::from_millis(2), at);
                }
                stats.record(VolumeId(4), Duration::from_millis(last_ms), at);
            }
        };
        work(&mut stats, 19, second(1));
        assert!(stats.slow(second(1)).is_empty(), "nobody minds 19 ms");
        work(&mut stats, 101, second(2));
        let slow = stats.slow(second(2));
        assert_eq!(slow, BTreeMap::from([(VolumeId(4), 60_000)]));
        work(&mut stats, 2, second(20));
        assert_eq!(stats.slow(second(20)).len(), 1, "the last window counts");
        work(&mut stats, 2, second(30));
        assert!(stats.slow(second(30)).is_empty());
    }

    #[test]
    fn so_many_of_a_hundred_are_measured() {
        for percent in [0, 1, 30, 100] {
            let mut stats = DiskStats::new(DiskConfig {
                sampling_percent: percent,
                ..DiskConfig::default()
            });
            let measured = (0..1000).filter(|_| stats.samples()).count();
            assert_eq!(measured, 10 * percent as usize);
        }
    }
}
