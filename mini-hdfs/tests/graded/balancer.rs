//! The balancer: who gives to whom, and which blocks.

use std::collections::{BTreeMap, BTreeSet};

use autograder::{Test, tests};
use mini_hdfs::balancer::{
    Class, Move, Node, Pair, StoredBlock, Utilisation, choose_moves, pair_up,
};
use mini_hdfs::block::{Block, BlockId, DatanodeId};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    balancer_leaves_even_clusters_alone,
    balancer_takes_from_the_full_and_gives_to_the_empty,
    balancer_pairs_the_worst_first,
    balancer_pairs_within_racks_first,
    balancer_moves_no_more_than_it_may,
    balancer_pairs_in_any_case,
    balancer_moves_blocks_that_fit,
    balancer_never_puts_two_replicas_on_one_node,
    balancer_keeps_racks,
    balancer_moves_a_block_once,
    balancer_fetches_from_the_nearest,
    balancer_moves_in_any_case,
];

/// DataNodes with these racks and utilisations in percent; ids count from 1, and each has 1000 bytes.
fn nodes(of: &[(usize, u64)]) -> Vec<Node> {
    let node = |(index, (rack, used)): (usize, &(usize, u64))| Node {
        id: DatanodeId(index as u64 + 1),
        hostname: format!("dn{}", index + 1),
        rack: format!("/r{rack}"),
        capacity: 1000,
        used: used * 10,
        remaining: 1000 - used * 10,
    };
    of.iter().enumerate().map(node).collect()
}

fn pairs(nodes: &[Node], max: u64) -> BTreeSet<(u64, u64, u64)> {
    let utilisation = Utilisation::new(nodes, 10.0);
    let pairs = pair_up(nodes, &utilisation, max);
    let distinct: BTreeSet<(u64, u64)> = pairs.iter().map(|p| (p.source.0, p.target.0)).collect();
    assert_eq!(
        distinct.len(),
        pairs.len(),
        "no pair is named twice: {pairs:?}"
    );
    pairs
        .iter()
        .map(|p| (p.source.0, p.target.0, p.bytes))
        .collect()
}

fn balancer_leaves_even_clusters_alone() {
    let even = nodes(&[(0, 50), (0, 55), (1, 45)]);
    assert!(
        pairs(&even, u64::MAX).is_empty(),
        "all are within ten percent of the average, which is fifty"
    );
    assert!(
        pairs(&nodes(&[(0, 90)]), u64::MAX).is_empty(),
        "it is alone"
    );
}

fn balancer_takes_from_the_full_and_gives_to_the_empty() {
    assert_eq!(
        pairs(&nodes(&[(0, 80), (0, 20)]), u64::MAX),
        BTreeSet::from([(1, 2, 300)]),
        "the average is fifty: node 1 has 300 bytes more than that, and node 2 lacks as many"
    );
}

fn balancer_pairs_the_worst_first() {
    // The average is 50. Node 3 is below it and not far; node 2 is far below.
    assert_eq!(
        pairs(&nodes(&[(0, 80), (0, 25), (0, 45)]), u64::MAX),
        BTreeSet::from([(1, 2, 250), (1, 3, 50)]),
        "node 1 gives to node 2, which is under-utilised, all that that one lacks; then the rest to node 3"
    );
    // Node 1 is far above the average of 50, node 2 not far, node 3 far below.
    assert_eq!(
        pairs(&nodes(&[(0, 75), (0, 55), (0, 20)]), u64::MAX),
        BTreeSet::from([(1, 3, 250), (2, 3, 50)]),
        "node 3 takes from node 1, which is over-utilised, all that that one can give; then the rest from node 2"
    );
    // Nodes 2 and 3 are both within the threshold: they do not trade, though one is above the average and one below.
    assert_eq!(
        pairs(&nodes(&[(0, 80), (0, 55), (0, 45), (0, 20)]), u64::MAX),
        BTreeSet::from([(1, 4, 300)]),
        "once nodes 1 and 4 have traded there is nobody over or under"
    );
}

fn balancer_pairs_within_racks_first() {
    // The average is 50.
    assert_eq!(
        pairs(&nodes(&[(0, 80), (1, 80), (1, 20), (0, 20)]), u64::MAX),
        BTreeSet::from([(1, 4, 300), (2, 3, 300)]),
        "each rack has a full node and an empty one"
    );
    assert_eq!(
        pairs(&nodes(&[(0, 80), (0, 45), (1, 25)]), u64::MAX),
        BTreeSet::from([(1, 2, 50), (1, 3, 250)]),
        "within the rack first, though node 3 lacks more; then to the other rack"
    );
}

fn balancer_moves_no_more_than_it_may() {
    assert_eq!(
        pairs(&nodes(&[(0, 80), (0, 20)]), 100),
        BTreeSet::from([(1, 2, 100)]),
        "no DataNode gives or takes more than 100 bytes in an iteration"
    );
    let mut cramped = nodes(&[(0, 80), (0, 20)]);
    cramped[1].remaining = 70;
    assert_eq!(
        pairs(&cramped, u64::MAX),
        BTreeSet::from([(1, 2, 70)]),
        "node 2 has room for 70 bytes"
    );
}

prop_compose! {
    fn any_nodes()(of in proptest::collection::vec((0..3usize, 0..100u64), 1..12)) -> Vec<Node> {
        nodes(&of)
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn balancer_pairs_in_any_case(nodes in any_nodes(), max in 1..600u64) {
        let utilisation = Utilisation::new(&nodes, 10.0);
        let pairs = pair_up(&nodes, &utilisation, max);
        let mut left: BTreeMap<DatanodeId, u64> =
            nodes.iter().map(|n| (n.id, utilisation.distance(n).min(max))).collect();
        let by_id: BTreeMap<DatanodeId, &Node> = nodes.iter().map(|n| (n.id, n)).collect();
        let class = |id: DatanodeId| utilisation.class(by_id[&id]);
        let allowed = |s, t| matches!(
            (class(s), class(t)),
            (Class::Over, Class::Under | Class::BelowAverage) | (Class::AboveAverage, Class::Under)
        );
        for pair in &pairs {
            prop_assert!(allowed(pair.source, pair.target),
                "{:?} is a {:?} that gives to a {:?}", pair, class(pair.source), class(pair.target));
            prop_assert!(pair.bytes > 0, "{:?} is about nothing", pair);
            for id in [pair.source, pair.target] {
                prop_assert!(left[&id] >= pair.bytes, "{:?}: {} has only {} bytes left to give or take", pair, id, left[&id]);
                *left.get_mut(&id).unwrap() -= pair.bytes;
            }
        }
        for source in &nodes {
            for target in &nodes {
                let both = left[&source.id].min(left[&target.id]);
                prop_assert!(both == 0 || !allowed(source.id, target.id),
                    "{} can still give and {} can still take {} bytes", source.id, target.id, both);
            }
        }
    }
}

// ---- which blocks

fn by_id(nodes: &[Node]) -> BTreeMap<DatanodeId, Node> {
    nodes.iter().map(|node| (node.id, node.clone())).collect()
}

fn stored(id: u64, len: u64, holders: &[u64]) -> StoredBlock {
    StoredBlock {
        block: Block::new(id, 1001, len),
        holders: holders.iter().copied().map(DatanodeId).collect(),
    }
}

fn pair(source: u64, target: u64, bytes: u64) -> Pair {
    Pair {
        source: DatanodeId(source),
        target: DatanodeId(target),
        bytes,
    }
}

fn ids(moves: &[Move]) -> Vec<u64> {
    moves.iter().map(|m| m.block.id.0).collect()
}

fn chosen(pair: Pair, blocks: &[StoredBlock], nodes: &[Node]) -> Vec<u64> {
    ids(&choose_moves(
        &pair,
        blocks,
        &by_id(nodes),
        &BTreeSet::new(),
    ))
}

fn balancer_moves_blocks_that_fit() {
    let nodes = nodes(&[(0, 80), (0, 20)]);
    let blocks = [
        stored(1, 100, &[1]),
        stored(2, 120, &[1]),
        stored(3, 90, &[1]),
        stored(4, 10, &[1]),
    ];
    assert_eq!(
        chosen(pair(1, 2, 200), &blocks, &nodes),
        [1, 3, 4],
        "after block 1 there are 100 bytes left: too few for block 2, enough for the other two"
    );
    assert!(chosen(pair(1, 2, 9), &blocks, &nodes).is_empty());
}

fn balancer_never_puts_two_replicas_on_one_node() {
    let nodes = nodes(&[(0, 80), (0, 20), (0, 50)]);
    let blocks = [
        stored(1, 10, &[1, 2]),
        stored(2, 10, &[1, 3]),
        stored(3, 10, &[3]),
    ];
    assert_eq!(
        chosen(pair(1, 2, 100), &blocks, &nodes),
        [2],
        "node 2 has a replica of block 1, and node 1 has none of block 3"
    );
}

fn balancer_keeps_racks() {
    // Nodes 1, 2 and 3 are in one rack, 4 and 5 in another.
    let nodes = nodes(&[(0, 80), (0, 20), (0, 50), (1, 20), (1, 20)]);
    let here = [stored(1, 10, &[1, 3, 4]), stored(2, 10, &[1, 4, 5])];
    assert_eq!(
        chosen(pair(1, 2, 100), &here, &nodes),
        [1, 2],
        "within the rack every block can move"
    );
    assert_eq!(
        chosen(pair(1, 5, 100), &[stored(1, 10, &[1, 3, 4])], &nodes),
        [1],
        "node 3 stays in the first rack"
    );
    assert!(
        chosen(pair(1, 5, 100), &[stored(1, 10, &[1, 4])], &nodes).is_empty(),
        "node 1 has the only replica of its rack, and the other rack has one already"
    );
    assert_eq!(
        chosen(pair(1, 5, 100), &[stored(1, 10, &[1])], &nodes),
        [1],
        "the only replica can go anywhere: one rack before, one after"
    );
    assert_eq!(
        chosen(pair(1, 5, 100), &[stored(1, 10, &[1, 2, 3])], &nodes),
        [1],
        "two racks are better than one"
    );
}

fn balancer_moves_a_block_once() {
    let nodes = nodes(&[(0, 80), (0, 20)]);
    let blocks = [
        stored(1, 10, &[1]),
        stored(2, 10, &[1]),
        stored(2, 10, &[1]),
    ];
    let moved = BTreeSet::from([BlockId(1)]);
    let moves = choose_moves(&pair(1, 2, 100), &blocks, &by_id(&nodes), &moved);
    assert_eq!(
        ids(&moves),
        [2],
        "block 1 was moved before, and block 2 is listed twice"
    );
}

fn balancer_fetches_from_the_nearest() {
    // Nodes 1 and 2 are in one rack, 3 and 4 in another.
    let nodes = nodes(&[(0, 80), (0, 50), (1, 50), (1, 20)]);
    let proxy = |target, holders: &[u64]| {
        let moves = choose_moves(
            &pair(1, target, 100),
            &[stored(1, 10, holders)],
            &by_id(&nodes),
            &BTreeSet::new(),
        );
        moves.first().map(|m| (m.source.0, m.target.0, m.proxy.0))
    };
    assert_eq!(
        proxy(4, &[1, 2, 3]),
        Some((1, 4, 3)),
        "node 3 is in the target's rack: the bytes come from there, and node 1's replica goes"
    );
    assert_eq!(
        proxy(2, &[1, 3]),
        Some((1, 2, 1)),
        "node 1 itself is nearest"
    );
}

prop_compose! {
    fn any_case()(
        nodes in any_nodes(),
        blocks in proptest::collection::vec(
            (1..20u64, 1..200u64, proptest::collection::btree_set(1..13u64, 1..5)), 0..12
        ),
        bytes in 1..500u64,
    ) -> (Vec<Node>, Vec<StoredBlock>, u64) {
        let there = nodes.len() as u64;
        let stored = |(id, len, holders): (u64, u64, BTreeSet<u64>)| {
            let holders: Vec<u64> = holders.into_iter().filter(|id| *id <= there).collect();
            stored(id, len, &holders)
        };
        (nodes, blocks.into_iter().map(stored).collect(), bytes)
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn balancer_moves_in_any_case((nodes, blocks, bytes) in any_case()) {
        prop_assume!(nodes.len() >= 2);
        let nodes = by_id(&nodes);
        let moves = choose_moves(&pair(1, 2, bytes), &blocks, &nodes, &BTreeSet::new());
        let racks = |holders: &BTreeSet<DatanodeId>| {
            holders.iter().map(|id| &nodes[id].rack).collect::<BTreeSet<_>>().len()
        };
        let mut left = bytes;
        let mut seen = BTreeSet::new();
        let mut next = moves.iter().peekable();
        for stored in &blocks {
            let before: BTreeSet<DatanodeId> = stored.holders.iter().copied().collect();
            let mut after = before.clone();
            after.remove(&DatanodeId(1));
            after.insert(DatanodeId(2));
            let can = before.contains(&DatanodeId(1)) && !before.contains(&DatanodeId(2))
                && stored.block.len <= left && !seen.contains(&stored.block.id)
                && racks(&after) >= racks(&before);
            let is_chosen = next.peek().is_some_and(|m| m.block == stored.block);
            prop_assert_eq!(is_chosen, can, "{:?}, with {} bytes left", stored, left);
            if can {
                left -= stored.block.len;
                seen.insert(stored.block.id);
                let chosen = next.next().unwrap();
                prop_assert!(before.contains(&chosen.proxy), "{:?} is fetched from one who has it not", chosen);
            }
        }
        prop_assert!(next.next().is_none(), "moves that no block of the list is about, or in another order");
    }
}
