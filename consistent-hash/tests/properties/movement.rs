//! What moves when a node comes or goes: only what must, and as much as must.
//!
//! The definition of consistent hashing (Karger et al. 1997, "monotonicity"): a key moves only to a node that has come,
//! or from a node that has gone. Of n + 1 nodes the new one should have 1/(n + 1) of the keys.

use std::collections::{BTreeMap, BTreeSet};

use consistent_hash::ring::lookup::{Span, owner};
use consistent_hash::ring::moves::Move;
use consistent_hash::{Maglev, Node, NodeId, Partitioner, Ring};
use proptest::prelude::*;

use crate::strategies::{self, ANCHOR, EXACT, JUMP, MODULO, RENDEZVOUS, keys, nodes, places};

type Places = [Option<NodeId>];

/// Fails where a key has moved to another node than `to`. Returns how many have moved.
fn moved_only_to(before: &Places, after: &Places, to: NodeId) -> Result<usize, String> {
    let moved = || before.iter().zip(after).filter(|(old, new)| old != new);
    match moved().find(|(_, new)| **new != Some(to)) {
        Some((old, new)) => Err(format!(
            "{to} has come, and a key moved from {old:?} to {new:?}"
        )),
        None => Ok(moved().count()),
    }
}

/// Fails where a key has moved away from another node than `from`, or stayed with it.
fn moved_only_from(before: &Places, after: &Places, from: NodeId) -> Result<usize, String> {
    if after.contains(&Some(from)) {
        return Err(format!("{from} has gone, and still has a key"));
    }
    moved_only_to(after, before, from)
        .map_err(|_| format!("{from} has gone, and a key of another node moved"))
}

#[test]
fn the_checkers_find_what_moved_without_need() {
    let [a, b, c] = [0, 1, 2].map(|id| Some(NodeId(id)));
    assert_eq!(moved_only_to(&[a, b, a], &[a, c, c], NodeId(2)), Ok(2));
    assert!(moved_only_to(&[a, b, a], &[b, c, c], NodeId(2)).is_err());
    assert_eq!(moved_only_from(&[a, b, c], &[a, b, a], NodeId(2)), Ok(1));
    assert!(moved_only_from(&[a, b, c], &[b, b, a], NodeId(2)).is_err());
    assert!(moved_only_from(&[a, b, c], &[a, b, c], NodeId(2)).is_err());
}

/// Someone comes (with a weight) or goes.
#[derive(Clone, Debug)]
enum Step {
    Come { id: u32, weight: u32 },
    Go { which: prop::sample::Index },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..30u32, 1..3u32).prop_map(|(id, weight)| Step::Come { id, weight }),
        any::<prop::sample::Index>().prop_map(|which| Step::Go { which }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Exactly, through any history of weighted nodes that come and go.
    #[test]
    fn only_what_must_move_moves(steps in prop::collection::vec(step(), 1..24), seed: u64) {
        let keys = keys(150);
        for make in EXACT {
            let mut strategy = make(seed);
            let mut joined: Vec<NodeId> = Vec::new();
            for step in &steps {
                let before = places(&*strategy, &keys);
                match step {
                    Step::Come { id, weight } => {
                        let node = Node { weight: *weight, ..Node::new(*id) };
                        if strategy.add(node).is_err() {
                            continue;
                        }
                        joined.push(node.id);
                        let after = places(&*strategy, &keys);
                        let moved = moved_only_to(&before, &after, node.id);
                        prop_assert!(moved.is_ok(), "{}: {:?}", strategy.name(), moved);
                    }
                    Step::Go { which } if !joined.is_empty() => {
                        // Jump hashing can do without its last node only.
                        let at = match strategy.name() {
                            "jump" => joined.len() - 1,
                            _ => which.index(joined.len()),
                        };
                        let id = joined.remove(at);
                        strategy.remove(id).unwrap();
                        let after = places(&*strategy, &keys);
                        let moved = moved_only_from(&before, &after, id);
                        prop_assert!(moved.is_ok(), "{}: {:?}", strategy.name(), moved);
                    }
                    Step::Go { .. } => {}
                }
            }
        }
    }

    /// The ranges that `Ring::moves` names are those whose keys change hands, no more and no fewer.
    #[test]
    fn the_rings_moves_are_what_moves(
        before in prop::collection::btree_set(0..12u32, 1..6),
        after in prop::collection::btree_set(0..12u32, 1..6),
        seed: u64,
    ) {
        let ring = |ids: &BTreeSet<u32>| {
            let mut ring = Ring::new(5, seed);
            let nodes: Vec<Node> = ids.iter().map(|id| Node::new(*id)).collect();
            ring.add_all(&nodes).unwrap();
            ring
        };
        let (before, after) = (ring(&before), ring(&after));
        let moves = before.moves(&after);
        let checked = check_moves(&before, &after, &moves);
        prop_assert!(checked.is_ok(), "{:?}", checked);
    }
}

/// Fails where a move is missing, too much, or wrong: asked at, before and behind each point of either ring.
fn check_moves(before: &Ring, after: &Ring, moves: &[Move]) -> Result<(), String> {
    let (points, after_points) = (before.points(), after.points());
    let both = points.iter().chain(&after_points);
    let positions = both.flat_map(|point| {
        [
            point.position.wrapping_sub(1),
            point.position,
            point.position.wrapping_add(1),
        ]
    });
    for position in positions {
        let said: Vec<(NodeId, NodeId)> = (moves.iter())
            .filter(|one| one.span.contains(position))
            .map(|one| (one.from, one.to))
            .collect();
        let (from, to) = (
            owner(&points, position).ok_or("no owner")?,
            owner(&after_points, position).ok_or("no owner")?,
        );
        let expected = if from == to { vec![] } else { vec![(from, to)] };
        if said != expected {
            return Err(format!(
                "{position} should move {expected:?}, and it is said to move {said:?}"
            ));
        }
    }
    Ok(())
}

#[test]
fn the_checker_of_moves_finds_a_missing_one_one_too_much_and_a_wrong_one() {
    let ring = |n| {
        let mut ring = Ring::new(3, 1);
        ring.add_all(&nodes(n)).unwrap();
        ring
    };
    let (before, after) = (ring(2), ring(3));
    let moves = before.moves(&after);
    assert_eq!(check_moves(&before, &after, &moves), Ok(()));
    assert!(check_moves(&before, &after, &moves[1..]).is_err());
    let twice: Vec<Move> = [&moves[..], &moves[..1]].concat();
    assert!(check_moves(&before, &after, &twice).is_err());
    let mut wrong = moves.clone();
    wrong[0].to = NodeId(7);
    assert!(check_moves(&before, &after, &wrong).is_err());
    let mut short = moves;
    let Span { after: begin, .. } = short[0].span;
    short[0].span.after = begin.wrapping_add(1);
    assert!(check_moves(&before, &after, &short).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Who is to have a copy and has none gets one, from those who have; nobody else gets anything.
    #[test]
    fn the_rings_handovers_are_the_copies_that_are_missing(
        before in prop::collection::btree_map(0..9u32, prop::option::of(0..3u32), 0..6),
        after in prop::collection::btree_map(0..9u32, prop::option::of(0..3u32), 0..6),
        n in 0..4usize,
        seed: u64,
    ) {
        let ring = |zones: &BTreeMap<u32, Option<u32>>| {
            let mut ring = Ring::new(4, seed);
            let node = |(id, zone): (&u32, &Option<u32>)| Node { zone: *zone, ..Node::new(*id) };
            ring.add_all(&zones.iter().map(node).collect::<Vec<_>>()).unwrap();
            ring
        };
        let (before, after) = (ring(&before), ring(&after));
        let handovers = before.handovers(&after, n);
        for point in before.points().into_iter().chain(after.points()) {
            for position in [point.position, point.position.wrapping_add(1)] {
                let sources = before.replicas_at(position, n);
                let mut missing = after.replicas_at(position, n);
                missing.retain(|node| !sources.contains(node) && !sources.is_empty());
                missing.sort_unstable();
                let said = handovers.iter().filter(|one| one.span.contains(position));
                let (from, mut to): (Vec<_>, Vec<_>) = said.map(|one| (&one.sources, one.to)).unzip();
                to.sort_unstable();
                prop_assert_eq!(to, missing, "who gets {}", position);
                prop_assert!(from.iter().all(|from| **from == sources), "{:?}, not {:?}", from, sources);
            }
        }
    }
}

/// How many of `keys` move when a cluster of `n` nodes becomes one of `n + 1`.
fn movement(make: strategies::Make, seed: u64, n: u32, keys: &[Vec<u8>]) -> f64 {
    let mut strategy = make(seed);
    strategy.add_all(&nodes(n)).unwrap();
    let before = places(&*strategy, keys);
    strategy.add(Node::new(n)).unwrap();
    let after = places(&*strategy, keys);
    before
        .iter()
        .zip(&after)
        .filter(|(old, new)| old != new)
        .count() as f64
}

/// Whether a count of `k` independent events of probability `p` is within 5 standard deviations of its mean: for a
/// right implementation it is not in one of 1.7 million.
fn is_binomial(count: f64, k: f64, p: f64) -> bool {
    (count - k * p).abs() <= 5.0 * (k * p * (1.0 - p)).sqrt()
}

/// Each key decides for itself, so the number of those that move is binomial.
#[test]
fn one_key_in_n_moves_to_a_new_node() {
    let keys = keys(20_000);
    for make in [JUMP, RENDEZVOUS, ANCHOR] {
        for (seed, n) in [(1, 1), (2, 4), (3, 9), (4, 49)] {
            let moved = movement(make, seed, n, &keys);
            let p = 1.0 / f64::from(n + 1);
            assert!(
                is_binomial(moved, 20_000.0, p),
                "{}, {n} nodes and one more: {moved} of 20,000 keys moved",
                make(0).name()
            );
        }
    }
}

/// On the ring the new node's part is itself random: Beta(v, nv) distributed, with the mean 1/(n + 1) and the variance
/// n / ((n + 1)² (v(n + 1) + 1)), as that of v of (n + 1)v spacings of a circle (Holst 1980).
#[test]
fn on_the_ring_one_key_in_n_moves_give_or_take_what_virtual_nodes_vary() {
    const K: f64 = 20_000.0;
    let keys = keys(20_000);
    for v in [1, 10, 160] {
        for (seed, n) in [(1, 4), (2, 9), (3, 49)] {
            let mut ring = Ring::new(v, seed);
            ring.add_all(&nodes(n)).unwrap();
            let before = places(&ring, &keys);
            ring.add(Node::new(n)).unwrap();
            let moved = moved_only_to(&before, &places(&ring, &keys), NodeId(n)).unwrap() as f64;
            let (v, n) = (f64::from(v), f64::from(n));
            let p = 1.0 / (n + 1.0);
            let of_share = n / ((n + 1.0).powi(2) * (v * (n + 1.0) + 1.0));
            let deviation = (K * p * (1.0 - p) + K * K * of_share).sqrt();
            assert!((moved - K * p).abs() <= 5.0 * deviation, "{v} {n}: {moved}");
        }
    }
}

/// The baseline: of n(n + 1) remainders modulo n(n + 1), those below n are the same modulo n and modulo n + 1, and no
/// others are (the Chinese remainder theorem). So one key in n + 1 stays.
#[test]
fn with_a_remainder_all_but_one_in_n_move() {
    let keys = keys(20_000);
    for (seed, n) in [(1, 1), (2, 4), (3, 9), (4, 49)] {
        let moved = movement(MODULO, seed, n, &keys);
        let p = f64::from(n) / f64::from(n + 1);
        assert!(is_binomial(moved, 20_000.0, p), "{n} nodes: {moved}");
    }
}

/// How many entries of Maglev's table change, of those that need not: of a node that stays.
fn disrupted(before: &Maglev, after: &Maglev, gone: NodeId) -> f64 {
    let pairs = before.table().iter().zip(after.table());
    let moved = pairs.filter(|(old, new)| old != new && **old != gone);
    moved.count() as f64 / before.table().len() as f64
}

/// Maglev's disruption. The paper measures it (§5.3) and proves nothing; Envoy's documentation, of a table of 65,537,
/// says that about twice as many keys move as with a ring. So what moves without need is no more than what must.
#[test]
fn maglev_moves_no_more_without_need_than_with_need() {
    for n in [10, 50, 100] {
        let mut before = Maglev::new(consistent_hash::maglev::SMALL, u64::from(n));
        before.add_all(&nodes(n)).unwrap();
        for gone in [NodeId(0), NodeId(n / 2), NodeId(n - 1)] {
            let mut after = before.clone();
            after.remove(gone).unwrap();
            let disrupted = disrupted(&before, &after, gone);
            assert!(
                disrupted <= 1.0 / f64::from(n),
                "{n} nodes, without {gone}: {disrupted}"
            );
            assert!(
                disrupted > 0.0,
                "Maglev's is not exact; if this is, the essay is wrong"
            );
        }
    }
}
