//! Which DataNodes their peers report as slow (`SlowPeerTracker`).
//!
//! Each DataNode judges those that stood behind it in pipelines, and says so every half an hour. One that many complain of is slow; one that
//! only a single peer complains of may have a bad cable to just that one. So nodes are ordered by the number of reporters, and only the first
//! few count: were half the cluster left out, the other half would be slow next.
//!
//! A report is good for three intervals. A node that nobody complains of any more -- perhaps since nobody writes to it any more -- gets
//! another chance.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use node::Time;

use crate::block::DatanodeId;
use crate::protocol::SlowPeer;

/// For how many intervals a report is good.
const VALID_INTERVALS: u32 = 3;

#[derive(Clone, Copy, Debug)]
struct Report {
    at: Time,
    latency_us: u64,
}

/// All reports that are good.
#[derive(Clone, Debug)]
pub struct SlowPeerTracker {
    /// By the node that is slow, then by the reporter.
    reports: BTreeMap<DatanodeId, BTreeMap<DatanodeId, Report>>,
    valid_for: Duration,
    nodes_max: usize,
}

impl SlowPeerTracker {
    /// For DataNodes that report every `interval` (`dfs.datanode.outliers.report.interval`); no more than `nodes_max`
    /// are called slow at a time (`dfs.namenode.max.slowpeer.collect.nodes`).
    pub fn new(interval: Duration, nodes_max: usize) -> SlowPeerTracker {
        SlowPeerTracker {
            reports: BTreeMap::new(),
            valid_for: VALID_INTERVALS * interval,
            nodes_max,
        }
    }

    /// `reporter` finds these slow. No node is a witness against itself.
    pub fn report(&mut self, reporter: DatanodeId, slow: &[SlowPeer], now: Time) {
        for peer in slow.iter().filter(|peer| peer.node != reporter) {
            let report = Report {
                at: now,
                latency_us: peer.latency_us,
            };
            let of_node = self.reports.entry(peer.node).or_default();
            of_node.insert(reporter, report);
        }
    }

    /// Drops what is too old.
    pub fn expire(&mut self, now: Time) {
        let valid_for = self.valid_for;
        self.reports.retain(|_, reports| {
            reports.retain(|_, report| now.since(report.at) < valid_for);
            !reports.is_empty()
        });
    }

    /// How many peers call a node slow.
    pub fn reporters(&self, node: DatanodeId) -> usize {
        self.reports.get(&node).map_or(0, BTreeMap::len)
    }

    /// The slow nodes: those with the most reporters, and of these those with the worst latency.
    pub fn slow_nodes(&self) -> BTreeSet<DatanodeId> {
        let worst = |reports: &BTreeMap<DatanodeId, Report>| {
            let latencies = reports.values().map(|report| report.latency_us);
            latencies.max().unwrap_or(0)
        };
        let nodes = self.reports.iter();
        let mut ranked: Vec<(usize, u64, DatanodeId)> = nodes
            .map(|(node, reports)| (reports.len(), worst(reports), *node))
            .collect();
        ranked.sort_unstable_by(|a, b| b.cmp(a));
        let slow = ranked.into_iter().take(self.nodes_max);
        slow.map(|(_, _, node)| node).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slow(node: u64, latency_us: u64) -> SlowPeer {
        SlowPeer {
            node: DatanodeId(node),
            latency_us,
        }
    }

    #[test]
    fn the_nodes_with_most_complaints_are_slow_for_a_while() {
        let mut tracker = SlowPeerTracker::new(Duration::from_secs(10), 2);
        let second = |s: u64| Time::from_millis(1000 * s);
        tracker.report(
            DatanodeId(1),
            &[slow(7, 5), slow(8, 500), slow(1, 9)],
            second(0),
        );
        tracker.report(DatanodeId(2), &[slow(7, 6), slow(9, 400)], second(5));
        let ids = |nodes: [u64; 2]| nodes.map(DatanodeId).into_iter().collect::<BTreeSet<_>>();
        assert_eq!(tracker.slow_nodes(), ids([7, 8]), "9 is the third");
        assert_eq!(tracker.reporters(DatanodeId(7)), 2);
        assert_eq!(tracker.reporters(DatanodeId(1)), 0, "about itself");
        tracker.expire(second(30));
        assert_eq!(
            tracker.slow_nodes(),
            ids([7, 9]),
            "what is 30 s old is void"
        );
        tracker.expire(second(35));
        assert!(tracker.slow_nodes().is_empty());
    }
}
