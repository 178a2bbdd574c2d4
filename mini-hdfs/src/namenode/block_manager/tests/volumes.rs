//! What DataNodes say of their volumes and of slow peers, and what becomes of it.

use std::time::Duration;

use super::cluster::Cluster;
use crate::block::DatanodeId;
use crate::namenode::block_manager::BlockManager;
use crate::namenode::blocks::BlocksMap;
use crate::protocol::{FailedVolume, Heartbeat, HeartbeatDetails, SlowPeer, StorageReport};

impl Cluster {
    fn details(&mut self, id: u64, details: HeartbeatDetails) {
        let heartbeat = Heartbeat {
            id: DatanodeId(id),
            registration: self.nodes[&id].registration,
            ..Heartbeat::default()
        };
        self.manager
            .heartbeat_details(&heartbeat, details, self.now);
    }

    fn complain(&mut self, of: u64, by: u64) {
        let slow_peers = vec![SlowPeer {
            node: DatanodeId(of),
            latency_us: 90_000,
        }];
        let details = HeartbeatDetails {
            slow_peers,
            ..HeartbeatDetails::default()
        };
        self.details(by, details);
    }

    /// A cluster that avoids slow nodes.
    fn avoiding(racks: &[&'static str]) -> Cluster {
        let mut cluster = Cluster::new(racks);
        cluster.config.exclude_slow_nodes = true;
        cluster.config.avoid_slow_reads = true;
        cluster.config.outliers_report_interval = Duration::from_secs(10);
        cluster.manager = BlockManager::new(&cluster.config, BlocksMap::default(), cluster.now);
        for id in 0..racks.len() as u64 {
            cluster.register(id);
        }
        cluster.run(1);
        cluster
    }
}

#[test]
fn a_slow_node_is_written_to_where_no_other_is_left_and_read_from_last() {
    let mut cluster = Cluster::avoiding(&["/r1", "/r1", "/r2", "/r2"]);
    cluster.complain(2, 0);
    cluster.run(1);
    assert_eq!(cluster.status().slow_datanodes, 1);
    for _ in 0..20 {
        let (_, pipeline) = cluster.begin(3);
        assert!(!pipeline.contains(&DatanodeId(2)), "{pipeline:?}");
    }
    let block = cluster.write(4);
    for _ in 0..20 {
        let located =
            cluster
                .manager
                .located_block(block, 0, Some("host2"), cluster.now, &mut cluster.rng);
        let last = located.unwrap().locations.pop().unwrap();
        assert_eq!(last.id, DatanodeId(2), "even by a reader beside it");
    }
    // Nobody complains any more.
    cluster.run(30);
    assert_eq!(cluster.status().slow_datanodes, 0);
    let pipelines: Vec<_> = (0..20).map(|_| cluster.begin(3).1).collect();
    assert!(pipelines.iter().any(|nodes| nodes.contains(&DatanodeId(2))));
}

#[test]
fn complaints_have_no_effect_unless_they_are_asked_for() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r2", "/r2"]);
    cluster.complain(2, 0);
    cluster.run(1);
    assert_eq!(cluster.status().slow_datanodes, 1, "it is shown");
    let pipelines: Vec<_> = (0..20).map(|_| cluster.begin(3).1).collect();
    assert!(pipelines.iter().any(|nodes| nodes.contains(&DatanodeId(2))));
}

#[test]
fn room_on_volumes_that_are_too_small_for_a_block_does_not_count() {
    let mut cluster = Cluster::new(&["/r1", "/r1", "/r2"]);
    let half = cluster.config.block_size / 2;
    let volume = |remaining| StorageReport {
        slow_us: None,
        remaining,
        ..StorageReport::default()
    };
    let details = HeartbeatDetails {
        storages: vec![volume(half), volume(half), volume(half)],
        failed_volumes: vec![FailedVolume {
            dir: "/disk4".into(),
            reason: "I/O error".into(),
        }],
        slow_peers: Vec::new(),
    };
    cluster.details(1, details);
    for _ in 0..20 {
        let (_, pipeline) = cluster.begin(3);
        assert!(!pipeline.contains(&DatanodeId(1)), "no volume has the room");
    }
    assert_eq!(cluster.status().volume_failures, 1);
    // What was said in an earlier registration does not count.
    cluster.register(1);
    assert_eq!(cluster.status().volume_failures, 0);
}
