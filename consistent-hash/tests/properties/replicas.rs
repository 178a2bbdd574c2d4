//! Replicas: distinct, as many as there can be, the key's own node first, and the same as long as they can be.

use std::collections::BTreeSet;

use consistent_hash::{Node, NodeId, Partitioner, Ring};
use proptest::prelude::*;

use crate::strategies::{ALL, LIST, MULTI_PROBE, RENDEZVOUS, RING, keys};

fn distinct(nodes: &[NodeId]) -> BTreeSet<NodeId> {
    nodes.iter().copied().collect()
}

fn weighted() -> impl Strategy<Value = Vec<Node>> {
    // Zones count on the ring only.
    let node = (1..4u32, prop::option::weighted(0.7, 0..4u32));
    let nodes = prop::collection::btree_map(0..40u32, node, 1..12);
    nodes.prop_map(|nodes| {
        let node = |(id, (weight, zone))| Node {
            weight,
            zone,
            ..Node::new(id)
        };
        nodes.into_iter().map(node).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn they_are_distinct_and_begin_with_the_keys_own_node(
        nodes in weighted(), n in 0..15usize, seed: u64,
    ) {
        for make in ALL {
            let mut strategy = make(seed);
            let nodes: Vec<Node> = match strategy.name() {
                "bounded" => nodes.iter().map(|node| Node::new(node.id.0)).collect(),
                _ => nodes.clone(),
            };
            strategy.add_all(&nodes).unwrap();
            for key in keys(20) {
                let replicas = strategy.replicas(&key, n);
                let name = strategy.name();
                // Nothing is listed, so no key is anywhere.
                let expected = if name == LIST(0).name() { 0 } else { n.min(nodes.len()) };
                prop_assert_eq!(replicas.len(), expected, "{}", name);
                prop_assert_eq!(distinct(&replicas).len(), expected, "{}: {:?}", name, replicas);
                prop_assert!(replicas.iter().all(|id| nodes.iter().any(|node| node.id == *id)));
                if n > 0 {
                    prop_assert_eq!(replicas.first().copied(), strategy.locate(&key), "{}", name);
                }
                // One more replica is one more, and no other.
                let more = strategy.replicas(&key, n + 1);
                prop_assert_eq!(&more[..replicas.len()], &replicas[..], "{}", name);
            }
        }
    }

    /// Where nodes are in an order for each key (of scores, or along the circle), a new one takes a place in it and
    /// pushes out the last; when one goes, the next moves up.
    #[test]
    fn a_change_of_one_node_changes_one_replica(nodes in weighted(), n in 1..6usize, seed: u64) {
        for make in [RENDEZVOUS, RING, MULTI_PROBE] {
            let mut strategy = make(seed);
            let (new, old) = nodes.split_last().unwrap();
            strategy.add_all(old).unwrap();
            let replicas = |strategy: &dyn Partitioner| -> Vec<BTreeSet<NodeId>> {
                keys(40).iter().map(|key| distinct(&strategy.replicas(key, n))).collect()
            };
            let before = replicas(&*strategy);
            strategy.add(*new).unwrap();
            for (before, after) in before.iter().zip(replicas(&*strategy)) {
                let came: Vec<&NodeId> = after.difference(before).collect();
                prop_assert!(came.is_empty() || came == [&new.id], "{}: {:?}", strategy.name(), came);
            }
            strategy.remove(new.id).unwrap();
            prop_assert_eq!(before, replicas(&*strategy), "{}", strategy.name());
        }
    }

    /// The ring: as many zones as there are copies for, or as there are.
    #[test]
    fn on_the_ring_they_are_in_as_many_zones_as_can_be(
        zones in prop::collection::vec(prop::option::weighted(0.8, 0..5u32), 1..15),
        n in 1..8usize,
        seed: u64,
    ) {
        let mut ring = Ring::new(8, seed);
        let node = |(id, zone): (u32, &Option<u32>)| Node { zone: *zone, ..Node::new(id) };
        let nodes: Vec<Node> = (0..).zip(&zones).map(node).collect();
        ring.add_all(&nodes).unwrap();
        for key in keys(20) {
            let replicas = ring.replicas(&key, n);
            let checked = check_zones(&nodes, &replicas, n);
            prop_assert!(checked.is_ok(), "{:?}", checked);
        }
    }
}

/// What replicas of a node fail with: their zone, or only themselves.
fn in_zones(nodes: &[Node], which: &[NodeId]) -> usize {
    let zone = |id: &NodeId| {
        let node = nodes.iter().find(|node| node.id == *id);
        node.map(|node| node.zone.ok_or(node.id))
    };
    which.iter().map(zone).collect::<BTreeSet<_>>().len()
}

fn check_zones(nodes: &[Node], replicas: &[NodeId], n: usize) -> Result<(), String> {
    let all: Vec<NodeId> = nodes.iter().map(|node| node.id).collect();
    let (have, want) = (in_zones(nodes, replicas), in_zones(nodes, &all).min(n));
    if have == want {
        Ok(())
    } else {
        Err(format!(
            "{replicas:?} are in {have} zones, and could be in {want}"
        ))
    }
}

#[test]
fn the_checker_of_zones_sees_two_replicas_in_one() {
    let node = |id, zone| Node {
        zone,
        ..Node::new(id)
    };
    let nodes = [
        node(0, Some(1)),
        node(1, Some(1)),
        node(2, Some(2)),
        node(3, None),
    ];
    let ids = |ids: &[u32]| -> Vec<NodeId> { ids.iter().map(|id| NodeId(*id)).collect() };
    assert!(check_zones(&nodes, &ids(&[0, 1]), 2).is_err());
    assert_eq!(check_zones(&nodes, &ids(&[0, 2]), 2), Ok(()));
    assert_eq!(check_zones(&nodes, &ids(&[1, 3]), 2), Ok(()));
    assert!(check_zones(&nodes, &ids(&[0, 1, 2]), 3).is_err());
    assert_eq!(check_zones(&nodes, &ids(&[0, 1, 2, 3]), 4), Ok(()));
}
