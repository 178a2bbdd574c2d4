//! How long the next node of a pipeline takes to acknowledge a packet (`DataNodePeerMetrics`).
//!
//! Only the last node but one measures, and so only the last one is measured: the time that a node further up waits is that of
//! everybody below it, and would not say whose fault it is. Placement is random, so everybody is last often enough.

use std::collections::BTreeMap;
use std::time::Duration;

use node::Time;

use super::outliers::{OutlierConfig, outliers};
use super::rolling_averages::RollingAverages;
use crate::block::DatanodeId;
use crate::protocol::SlowPeer;

/// How peers are measured and judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerConfig {
    /// They are at all (`dfs.datanode.peer.stats.enabled`).
    pub enabled: bool,
    /// Packets without which nothing is said of a peer (`dfs.datanode.peer.metrics.min.outlier.detection.samples`).
    pub samples_min: u64,
    /// How long a window is (`dfs.metrics.rolling.averages.window.length`).
    pub window: Duration,
    /// How many windows count (`dfs.metrics.rolling.average.num.windows`).
    pub windows: usize,
    /// How often the NameNode is told (`dfs.datanode.outliers.report.interval`).
    pub report_interval: Duration,
    /// See there.
    pub outliers: OutlierConfig,
}

impl Default for PeerConfig {
    fn default() -> PeerConfig {
        PeerConfig {
            enabled: false,
            samples_min: 1000,
            window: Duration::from_secs(5 * 60),
            windows: 36,
            report_interval: Duration::from_secs(30 * 60),
            outliers: OutlierConfig::default(),
        }
    }
}

/// What a DataNode has measured of its peers.
#[derive(Clone, Debug)]
pub struct PeerStats {
    config: PeerConfig,
    averages: RollingAverages<DatanodeId>,
    next_report: Time,
}

impl PeerStats {
    /// Nothing measured yet.
    pub fn new(config: PeerConfig) -> PeerStats {
        PeerStats {
            averages: RollingAverages::new(config.window, config.windows, config.samples_min),
            config,
            next_report: Time::ZERO,
        }
    }

    /// Whether to measure at all.
    pub fn enabled(&self) -> bool {
        self.config.enabled
    }

    /// `peer` has taken so long for a packet.
    pub fn record(&mut self, peer: DatanodeId, latency: Duration, now: Time) {
        self.averages.record(peer, latency, now);
    }

    /// The average latency of each peer of which enough is known, in microseconds.
    pub fn averages(&mut self, now: Time) -> BTreeMap<DatanodeId, u64> {
        self.averages.averages(now)
    }

    /// The peers that are slow now.
    pub fn slow(&mut self, now: Time) -> Vec<SlowPeer> {
        let averages = self.averages(now);
        let slow = outliers(&averages, &self.config.outliers);
        let peer = |(node, latency_us)| SlowPeer { node, latency_us };
        slow.into_iter().map(peer).collect()
    }

    /// What the next heartbeat is to tell of slow peers; nothing while no report is due.
    pub fn report(&mut self, now: Time) -> Vec<SlowPeer> {
        if !self.config.enabled || now < self.next_report {
            return Vec::new();
        }
        self.next_report = now + self.config.report_interval;
        self.slow(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FAST: Duration = Duration::from_millis(1);
    const SLOW: Duration = Duration::from_millis(100);

    fn config() -> PeerConfig {
        PeerConfig {
            enabled: true,
            samples_min: 10,
            window: Duration::from_secs(10),
            windows: 3,
            report_interval: Duration::from_secs(60),
            outliers: OutlierConfig {
                nodes_min: 3,
                ..OutlierConfig::default()
            },
        }
    }

    fn measured(stats: &mut PeerStats, last: Duration, at: Time) {
        for _ in 0..10 {
            for peer in 1..=3 {
                stats.record(DatanodeId(peer), FAST, at);
            }
            stats.record(DatanodeId(4), last, at);
        }
    }

    #[test]
    fn a_slow_peer_is_reported_until_it_has_been_fast_for_long_enough() {
        let mut stats = PeerStats::new(config());
        let second = |s: u64| Time::from_millis(1000 * s);
        measured(&mut stats, SLOW, second(1));
        let slow = SlowPeer {
            node: DatanodeId(4),
            latency_us: 100_000,
        };
        assert_eq!(stats.report(second(2)), [slow]);
        assert_eq!(stats.report(second(3)), [], "not due");
        measured(&mut stats, FAST, second(25));
        assert_eq!(stats.slow(second(25))[0].latency_us, 50_500);
        assert_eq!(stats.slow(second(31)), [], "what was 30 s ago is forgotten");
        assert_eq!(stats.averages(second(31)).len(), 4);
        assert_eq!(stats.averages(second(99)).len(), 0);
    }

    #[test]
    fn few_samples_say_nothing() {
        let mut stats = PeerStats::new(config());
        for peer in 1..=4 {
            stats.record(DatanodeId(peer), SLOW, Time::ZERO);
        }
        assert!(stats.averages(Time::ZERO).is_empty());
    }
}
