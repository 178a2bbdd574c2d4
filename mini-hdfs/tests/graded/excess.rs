//! Too many replicas: which to delete, and which never.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use mini_hdfs::block::DatanodeId;
use mini_hdfs::namenode::excess::{Replica, choose_excess};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    excess_is_nothing_while_there_is_not_too_much,
    excess_goes_from_racks_with_more_than_one,
    excess_frees_the_fullest_node,
    excess_prefers_stale_nodes,
    excess_counts_only_what_was_reported,
    excess_of_a_rack_counts_only_what_was_reported,
    excess_is_never_the_last_one,
    excess_keeps_numbers_and_racks_in_any_case,
];

const RACKS: [&str; 4] = ["/r0", "/r1", "/r2", "/r3"];

/// Replicas on reported, lively DataNodes in these racks with these bytes remaining; ids count from 0.
fn replicas(nodes: &[(usize, u64)]) -> Vec<Replica<'static>> {
    let replica = |(id, (rack, remaining)): (usize, &(usize, u64))| Replica {
        datanode: DatanodeId(id as u64),
        rack: RACKS[*rack],
        remaining: *remaining,
        stale: false,
        reported: true,
    };
    nodes.iter().enumerate().map(replica).collect()
}

fn choose(replicas: &[Replica<'_>], expected: usize) -> BTreeSet<u64> {
    let chosen = choose_excess(replicas, expected);
    let distinct: BTreeSet<u64> = chosen.iter().map(|id| id.0).collect();
    assert_eq!(
        distinct.len(),
        chosen.len(),
        "no DataNode is named twice: {chosen:?}"
    );
    distinct
}

fn excess_is_nothing_while_there_is_not_too_much() {
    let three = replicas(&[(0, 1), (0, 2), (1, 3)]);
    assert!(choose(&three, 3).is_empty() && choose(&three, 5).is_empty());
    assert!(choose(&[], 3).is_empty());
}

fn excess_goes_from_racks_with_more_than_one() {
    // The fullest node is alone in its rack.
    let nodes = replicas(&[(0, 9), (0, 8), (1, 1)]);
    assert_eq!(
        choose(&nodes, 2),
        BTreeSet::from([1]),
        "rack 1 keeps its only replica"
    );
    let nodes = replicas(&[(0, 9), (0, 8), (0, 7), (1, 1), (1, 2)]);
    assert_eq!(
        choose(&nodes, 2),
        BTreeSet::from([1, 2, 3]),
        "both racks keep one"
    );
}

fn excess_frees_the_fullest_node() {
    let nodes = replicas(&[(0, 30), (0, 10), (0, 20), (0, 40)]);
    assert_eq!(
        choose(&nodes, 3),
        BTreeSet::from([1]),
        "all are on one rack: the replica on node 1 goes, which has the fewest bytes remaining"
    );
    assert_eq!(
        choose(&nodes, 2),
        BTreeSet::from([1, 2]),
        "then that on node 2, which has the fewest of the others"
    );
    let alone = replicas(&[(0, 30), (1, 10), (2, 20)]);
    assert_eq!(
        choose(&alone, 2),
        BTreeSet::from([1]),
        "no rack has more than one"
    );
}

fn excess_prefers_stale_nodes() {
    let mut nodes = replicas(&[(0, 10), (0, 20), (0, 30)]);
    nodes[2].stale = true;
    assert_eq!(
        choose(&nodes, 2),
        BTreeSet::from([2]),
        "it may be gone already"
    );
    let mut nodes = replicas(&[(0, 10), (0, 20), (1, 30)]);
    nodes[2].stale = true;
    assert_eq!(
        choose(&nodes, 2),
        BTreeSet::from([0]),
        "but a rack counts for more"
    );
}

fn excess_counts_only_what_was_reported() {
    let mut nodes = replicas(&[(0, 10), (0, 20), (0, 30), (0, 40)]);
    nodes[0].reported = false;
    assert!(
        choose(&nodes, 3).is_empty(),
        "whether node 0 still has its replica is not sure"
    );
    assert_eq!(
        choose(&nodes, 2),
        BTreeSet::from([1]),
        "node 0 neither counts nor is chosen"
    );
}

fn excess_of_a_rack_counts_only_what_was_reported() {
    // Rack 0 has two replicas, of which one is not sure to exist.
    let mut nodes = replicas(&[(0, 10), (0, 20), (1, 30), (1, 40)]);
    nodes[1].reported = false;
    assert_eq!(
        choose(&nodes, 2),
        BTreeSet::from([2]),
        "node 0 has the only replica of rack 0 that is sure to exist"
    );
}

fn excess_is_never_the_last_one() {
    let nodes = replicas(&[(0, 10), (1, 20)]);
    assert_eq!(
        choose(&nodes, 0).len(),
        1,
        "of two replicas one stays, even if none is expected"
    );
    assert!(
        choose(&nodes[..1], 0).is_empty(),
        "the only replica stays, even if none is expected"
    );
}

prop_compose! {
    fn any_replicas()(
        nodes in proptest::collection::vec((0..4usize, 0..5u64, any::<bool>(), 0..4u8), 0..9)
    ) -> Vec<Replica<'static>> {
        let places: Vec<(usize, u64)> = nodes.iter().map(|n| (n.0, n.1)).collect();
        let mut replicas = replicas(&places);
        for (replica, (_, _, stale, reported)) in replicas.iter_mut().zip(nodes) {
            replica.stale = stale;
            replica.reported = reported > 0;
        }
        replicas
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn excess_keeps_numbers_and_racks_in_any_case(nodes in any_replicas(), expected in 0..6usize) {
        let chosen = choose(&nodes, expected);
        let counted: Vec<&Replica<'_>> = nodes.iter().filter(|r| r.reported).collect();
        let least = expected.max(1);
        prop_assert_eq!(
            chosen.len(),
            counted.len().saturating_sub(least),
            "of {} replicas that count, {} are to stay", counted.len(), least
        );
        let of_unreported = nodes.iter().any(|r| !r.reported && chosen.contains(&r.datanode.0));
        prop_assert!(!of_unreported, "a DataNode that has not reported is chosen");
        let left: Vec<&&Replica<'_>> =
            counted.iter().filter(|r| !chosen.contains(&r.datanode.0)).collect();
        let racks_before: BTreeSet<&str> = counted.iter().map(|r| r.rack).collect();
        let racks_after: BTreeSet<&str> = left.iter().map(|r| r.rack).collect();
        prop_assert_eq!(
            racks_after.len(),
            racks_before.len().min(least),
            "a rack lost its last replica without need"
        );
        // No replica stays while a better one of the same rack goes.
        let rank = |r: &Replica<'_>| (!r.stale, r.remaining);
        for gone in counted.iter().filter(|r| chosen.contains(&r.datanode.0)) {
            let worse = left.iter().find(|r| r.rack == gone.rack && rank(r) < rank(gone));
            prop_assert!(worse.is_none(), "{:?} goes while {:?} stays", gone, worse);
        }
    }
}
