//! Which nodes hold the copies: distinct nodes, distinct zones first.

use autograder::{Test, tests};
use consistent_hash::members::Members;
use consistent_hash::ring::Point;
use consistent_hash::ring::spread::replicas;
use consistent_hash::{Node, NodeId};
use proptest::prelude::*;

use crate::points::points;

pub(crate) const TESTS: &[Test] = tests![
    the_first_copy_is_on_the_owner,
    the_walk_goes_around_the_end,
    a_machine_is_no_second_copy_of_itself,
    there_are_no_more_copies_than_nodes,
    a_zone_has_one_copy_while_there_are_others,
    nodes_that_were_left_out_follow_in_their_order,
    a_node_in_no_zone_stands_in_nobodys_way,
    nothing_comes_of_nothing,
    copies_are_as_the_rule_says_in_any_case,
];

/// Virtual nodes of these nodes, at 10, 20, 30, …
fn ring(nodes: &[u32]) -> Vec<Point> {
    let at: Vec<(u64, u32)> = (1..).map(|i| i * 10).zip(nodes.iter().copied()).collect();
    points(&at)
}

/// Nodes 0, 1, 2, … in these zones.
fn members(zones: &[Option<u32>]) -> Members {
    let node = |(id, zone): (u32, &Option<u32>)| Node {
        zone: *zone,
        ..Node::new(id)
    };
    let nodes: Vec<Node> = (0..).zip(zones).map(node).collect();
    let mut members = Members::default();
    members.add_all(&nodes, 0).unwrap();
    members
}

fn copies(nodes: &[u32], start: usize, zones: &[Option<u32>], n: usize) -> Vec<u32> {
    let copies = replicas(&ring(nodes), start, &members(zones), n);
    copies.iter().map(|id| id.0).collect()
}

fn the_first_copy_is_on_the_owner() {
    let zones = [None; 4];
    assert_eq!(
        copies(&[3, 1, 0, 2], 0, &zones, 3),
        [3, 1, 0],
        "the points are of n3, n1, n0, n2, and the first owns the key: clockwise"
    );
    assert_eq!(
        copies(&[3, 1, 0, 2], 1, &zones, 1),
        [1],
        "one copy: on the owner alone"
    );
}

fn the_walk_goes_around_the_end() {
    assert_eq!(
        copies(&[3, 1, 0, 2], 2, &[None; 4], 3),
        [0, 2, 3],
        "from the third point on: n0, n2, and behind the last point the first, n3's"
    );
}

fn a_machine_is_no_second_copy_of_itself() {
    assert_eq!(
        copies(&[0, 0, 1, 0, 1, 2], 0, &[None; 3], 3),
        [0, 1, 2],
        "n0 and n1 are met again as other virtual nodes of the same machines"
    );
}

fn there_are_no_more_copies_than_nodes() {
    assert_eq!(
        copies(&[0, 1, 0, 1], 3, &[None; 2], 5),
        [1, 0],
        "there are two nodes, and five copies are wanted"
    );
    assert_eq!(
        copies(&[0, 1], 0, &[Some(1); 2], 5),
        [0, 1],
        "there are two nodes, both in one zone"
    );
}

fn a_zone_has_one_copy_while_there_are_others() {
    let zones = [Some(7), Some(7), Some(8), Some(9)];
    assert_eq!(
        copies(&[0, 1, 2, 3], 0, &zones, 3),
        [0, 2, 3],
        "n1 is in n0's zone: if that fails both are gone, and n3 is in another one"
    );
    assert_eq!(copies(&[0, 1, 2, 3], 1, &zones, 2), [1, 2]);
}

fn nodes_that_were_left_out_follow_in_their_order() {
    let zones = [Some(7), Some(7), Some(7), Some(8)];
    assert_eq!(
        copies(&[2, 0, 1, 0, 3], 0, &zones, 4),
        [2, 3, 0, 1],
        "two zones: n2 and n3 first; then n0 and n1, which were left out, as they were met"
    );
    assert_eq!(copies(&[2, 0, 1, 0, 3], 0, &zones, 3), [2, 3, 0]);
    assert_eq!(
        copies(&[2, 0, 1, 0, 3], 0, &zones, 2),
        [2, 3],
        "with two copies nobody who was left out is needed"
    );
}

fn a_node_in_no_zone_stands_in_nobodys_way() {
    let zones = [None, None, Some(7), Some(7)];
    assert_eq!(
        copies(&[0, 1, 2, 3], 0, &zones, 4),
        [0, 1, 2, 3],
        "n0 and n1 are in no zone, which is not the same zone"
    );
    assert_eq!(
        copies(&[2, 3, 0, 1], 0, &zones, 3),
        [2, 0, 1],
        "n3 is in n2's zone, n0 and n1 are in none"
    );
}

fn nothing_comes_of_nothing() {
    assert_eq!(copies(&[0, 1], 0, &[None; 2], 0), [], "no copy is wanted");
    assert_eq!(copies(&[], 0, &[], 3), [], "there are no points");
}

/// The rule as it is written, without a thought for the time that it takes: all nodes in the order of the walk, then
/// one of each zone.
fn by_the_rule(order: &[u32], zones: &[Option<u32>], n: usize) -> Vec<u32> {
    let (mut chosen, mut left_out): (Vec<u32>, Vec<u32>) = (vec![], vec![]);
    for node in order {
        let zone = |id: u32| zones[id as usize];
        let taken = |other: &u32| zone(*other).is_some() && zone(*other) == zone(*node);
        if chosen.contains(node) || left_out.contains(node) {
            continue;
        }
        if chosen.iter().any(taken) {
            left_out.push(*node);
        } else {
            chosen.push(*node);
        }
    }
    chosen.truncate(n);
    chosen.extend(left_out);
    chosen.truncate(n);
    chosen
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn copies_are_as_the_rule_says_in_any_case(
        nodes in prop::collection::vec(0..7u32, 1..30),
        zones in prop::collection::vec(prop::option::weighted(0.8, 0..3u32), 7),
        start in any::<prop::sample::Index>(),
        n in 0..9usize,
    ) {
        let start = start.index(nodes.len());
        // Only nodes with points are members.
        let mut ids = nodes.clone();
        ids.sort_unstable();
        ids.dedup();
        let node = |id: &u32| Node { zone: zones[*id as usize], ..Node::new(*id) };
        let mut members = Members::default();
        members.add_all(&ids.iter().map(node).collect::<Vec<_>>(), 0).unwrap();
        let walk: Vec<u32> = nodes[start..].iter().chain(&nodes[..start]).copied().collect();
        let expected: Vec<NodeId> = by_the_rule(&walk, &zones, n).into_iter().map(NodeId).collect();
        prop_assert_eq!(
            replicas(&ring(&nodes), start, &members, n), expected,
            "{} copies, met in this order: {:?}; n0 to n6 are in these zones: {:?}", n, walk, zones
        );
    }
}
