//! DataNodes that their operator admits, and others.

use super::TWO_RACKS;
use super::cluster::Cluster;
use crate::block::BlockId;
use crate::namenode::hosts::Wish;
use crate::protocol::AdminState;

#[test]
fn who_is_not_admitted_is_dead_at_once_and_stays_out_until_he_is() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    let blocks: Vec<BlockId> = (0..10).map(|_| cluster.write(3)).collect();
    assert!(blocks.iter().any(|id| cluster.good(*id).contains(&4)));
    cluster.admit(&[0, 1, 2, 3]);
    assert_eq!(cluster.status().dead_datanodes, 1);
    cluster.run(2);
    assert!(!cluster.nodes[&4].up, "it was told why, and has ended");
    cluster.start(4);
    assert!(!cluster.nodes[&4].up, "it was told again");
    cluster.run(30);
    for id in &blocks {
        assert_eq!(cluster.good(*id).len(), 3, "its replicas were made anew");
    }
    assert_eq!(cluster.status().dead_datanodes, 1);

    cluster.admit(&[]);
    cluster.start(4);
    assert!(cluster.nodes[&4].up, "a list that names nobody admits all");
    cluster.run(30);
    cluster.assert_settled();
}

#[test]
fn nobody_waits_for_a_node_in_maintenance_that_is_not_admitted_any_more() {
    let mut cluster = Cluster::new(&TWO_RACKS);
    let blocks: Vec<BlockId> = (0..10).map(|_| cluster.write(3)).collect();
    cluster.wish(4, Some(Wish::Maintenance { until_ms: None }));
    cluster.run(20);
    assert_eq!(cluster.admin(4), AdminState::InMaintenance);
    cluster.nodes.get_mut(&4).unwrap().up = false;
    cluster.run(40);
    assert!(blocks.iter().any(|id| cluster.good(*id).len() == 2));
    cluster.admit(&[0, 1, 2, 3]);
    cluster.run(30);
    for id in &blocks {
        assert_eq!(cluster.good(*id).len(), 3);
    }
}
