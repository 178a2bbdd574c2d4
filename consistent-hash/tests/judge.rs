//! The capstone's judge, on answers and plans that were made bad by hand: each rule finds what breaks it, and lets pass what does not.

#[path = "graded/capstone/judge.rs"]
#[expect(
    dead_code,
    reason = "the rule of refusals is judged where changes are made"
)]
mod judge;
#[path = "graded/capstone/own.rs"]
mod own;

use consistent_hash::capstone::{MOVES_MAX, Move};
use consistent_hash::{Node, NodeId};
use judge::{
    At, Members, Rule, fair_shares, is_regular, judge_agreement, judge_balance, judge_copies,
    judge_movement, judge_plan, judge_zones,
};

/// Members by number, weight and zone.
fn members(nodes: &[(u32, u32, u32)]) -> Members {
    let node = |(id, weight, zone): &(u32, u32, u32)| {
        let id = NodeId(*id);
        let zone = Some(*zone);
        (
            id,
            Node {
                id,
                weight: *weight,
                zone,
            },
        )
    };
    nodes.iter().map(node).collect()
}

/// Four nodes of one weight, in four zones.
fn four() -> Members {
    members(&[(1, 1, 0), (2, 1, 1), (3, 1, 2), (4, 1, 3)])
}

fn ids<const N: usize>(ids: [u32; N]) -> Vec<NodeId> {
    ids.map(NodeId).to_vec()
}

#[test]
fn copies_are_three_different_members() {
    let judged = |held: &[u32]| {
        let held = held.iter().copied().map(NodeId).collect();
        judge_copies(&four(), 7, &held).map(|violation| (violation.rule, violation.why))
    };
    assert_eq!(judged(&[4, 1, 2]), None);
    for (held, what) in [
        (&[1, 2][..], "there should be 3"),
        (&[1, 2, 3, 4], "there should be 3"),
        (&[1, 2, 1], "twice"),
        (&[1, 2, 9], "n9 is no member"),
        (&[], "there should be 3"),
    ] {
        let (rule, why) = judged(held).unwrap();
        assert!(
            rule == Rule::Copies && why.contains(what),
            "{held:?}: {why}"
        );
    }
    let two = members(&[(1, 1, 0), (2, 1, 0)]);
    assert_eq!(judge_copies(&two, 7, &ids([2, 1])), None);
    assert_eq!(judge_copies(&Members::new(), 7, &ids([])), None);
}

#[test]
fn zones_are_as_many_as_can_be() {
    let nodes = members(&[(1, 1, 0), (2, 1, 0), (3, 1, 1), (4, 1, 1), (5, 1, 2)]);
    assert!(judge_zones(&nodes, 7, &ids([1, 3, 5])).is_none());
    assert_eq!(
        judge_zones(&nodes, 7, &ids([1, 3, 4])).unwrap().rule,
        Rule::Zones
    );
    let two_zones = members(&[(1, 1, 0), (2, 1, 0), (3, 1, 0), (4, 1, 1)]);
    assert!(judge_zones(&two_zones, 7, &ids([1, 2, 4])).is_none());
    assert!(judge_zones(&two_zones, 7, &ids([1, 2, 3])).is_some());
}

#[test]
fn routers_agree_on_nodes_and_their_order() {
    assert!(judge_agreement(7, &ids([1, 2, 3]), &ids([1, 2, 3])).is_none());
    let violation = judge_agreement(7, &ids([1, 2, 3]), &ids([2, 1, 3])).unwrap();
    assert_eq!(violation.rule, Rule::Agreement);
}

fn shares(members: &Members) -> Vec<f64> {
    let shares = fair_shares(members).into_values();
    shares
        .map(|share| (share * 1000.0).round() / 1000.0)
        .collect()
}

#[test]
fn fair_is_by_weight_and_no_zone_holds_a_position_twice() {
    assert_eq!(shares(&four()), [0.75; 4]);
    let heavier = members(&[(1, 2, 0), (2, 1, 1), (3, 1, 1), (4, 2, 2), (5, 2, 3)]);
    assert_eq!(shares(&heavier), [0.75, 0.375, 0.375, 0.75, 0.75]);
    // Zone 0 has two fifths of the weight: 1.2 of 3 copies, but it can hold one. The others share the other two.
    let capped = members(&[(1, 2, 0), (2, 1, 1), (3, 1, 2), (4, 1, 3)]);
    assert_eq!(shares(&capped), [1.0, 0.667, 0.667, 0.667]);
    // What zone 0 leaves fills zone 1 as well.
    let twice = members(&[
        (1, 6, 0),
        (2, 4, 1),
        (3, 1, 2),
        (4, 1, 3),
        (5, 1, 4),
        (6, 1, 5),
    ]);
    assert_eq!(shares(&twice), [1.0, 1.0, 0.25, 0.25, 0.25, 0.25]);
    let three = members(&[(1, 3, 0), (2, 1, 0), (3, 9, 1), (4, 1, 2)]);
    assert_eq!(
        shares(&three),
        [0.75, 0.25, 1.0, 1.0],
        "each zone holds everything once"
    );
    assert_eq!(shares(&members(&[(1, 5, 0)])), [1.0]);
}

#[test]
fn balance_is_judged_where_zones_are_alike() {
    assert!(is_regular(&four()) && is_regular(&members(&[(1, 2, 0), (2, 1, 1), (3, 1, 2)])));
    assert!(
        !is_regular(&members(&[(1, 3, 0), (2, 1, 1), (3, 1, 2)])),
        "three times as heavy"
    );
    assert!(!is_regular(&members(&[(1, 1, 0), (2, 1, 1)])), "two zones");
    assert!(!is_regular(&Members::new()));
}

#[test]
fn shares_are_between_six_tenths_and_one_and_a_half() {
    let rules = |held: &[Vec<NodeId>]| -> Vec<Rule> {
        judge_balance(&four(), held)
            .iter()
            .map(|violation| violation.rule)
            .collect()
    };
    let even = [
        ids([1, 2, 3]),
        ids([2, 3, 4]),
        ids([3, 4, 1]),
        ids([4, 1, 2]),
    ];
    assert_eq!(rules(&even), []);
    let same_three = [
        ids([1, 2, 3]),
        ids([2, 3, 1]),
        ids([3, 1, 2]),
        ids([3, 2, 1]),
    ];
    assert_eq!(
        rules(&same_three),
        [Rule::Balance, Rule::Firsts],
        "n4 holds nothing"
    );
    let sorted = [
        ids([1, 2, 3]),
        ids([2, 3, 4]),
        ids([1, 3, 4]),
        ids([1, 2, 4]),
    ];
    assert_eq!(
        rules(&sorted),
        [Rule::Firsts],
        "n1 answers half of the reads"
    );
}

#[test]
fn movement_is_measured_by_what_fair_shares_grow() {
    let three = members(&[(1, 1, 0), (2, 1, 1), (3, 1, 2)]);
    let before = vec![ids([1, 2, 3]); 4];
    // The fourth node's share is 0.75 of all positions.
    let after = [
        ids([4, 2, 3]),
        ids([1, 4, 3]),
        ids([1, 2, 4]),
        ids([1, 2, 3]),
    ];
    assert_eq!(judge_movement((&three, &before), (&four(), &after)), None);
    // All three copies of two positions move, where six would do in eight: of 16 copies too many.
    let five = members(&[(1, 1, 0), (2, 1, 1), (3, 1, 2), (4, 1, 3), (5, 1, 4)]);
    let before = vec![
        ids([1, 2, 3]),
        ids([2, 3, 4]),
        ids([3, 4, 1]),
        ids([4, 1, 2]),
    ];
    let after = vec![
        ids([5, 4, 2]),
        ids([3, 5, 1]),
        ids([2, 5, 1]),
        ids([3, 4, 5]),
    ];
    let violation = judge_movement((&four(), &before), (&five, &after)).unwrap();
    assert!(
        violation.rule == Rule::Movement && violation.why.contains("2.000"),
        "{}",
        violation.why
    );
    assert!(violation.why.contains("0.600"), "{}", violation.why);
}

fn at(position: u64, before: &[u32], after: &[u32]) -> At {
    let nodes = |ids: &[u32]| ids.iter().copied().map(NodeId).collect();
    At {
        position,
        before: nodes(before),
        after: nodes(after),
    }
}

/// n3 is replaced by n4 in 10 to 20.
fn replaced() -> Vec<At> {
    let (old, new) = (&[1, 2, 3], &[1, 4, 2]);
    vec![
        at(9, old, old),
        at(10, old, new),
        at(15, old, new),
        at(20, old, new),
        at(21, old, old),
    ]
}

fn step(first: u64, last: u64, from: u32, to: u32) -> Move {
    let (from, to) = (NodeId(from), NodeId(to));
    Move {
        first,
        last,
        from,
        to,
    }
}

fn rules(plan: &[Move], at: &[At], failed: Option<u32>) -> Vec<Rule> {
    let found = judge_plan(plan, at, failed.map(NodeId));
    found.iter().map(|violation| violation.rule).collect()
}

#[test]
fn a_plan_brings_everything_once_from_who_has_it() {
    let judged = |plan: &[Move]| rules(plan, &replaced(), None);
    assert_eq!(judged(&[step(10, 20, 1, 4)]), []);
    assert_eq!(
        judged(&[step(10, 14, 1, 4), step(15, 20, 3, 4)]),
        [],
        "in parts, in any order"
    );
    assert_eq!(judged(&[]), [Rule::Complete]);
    assert_eq!(
        judged(&[step(10, 19, 1, 4)]),
        [Rule::Complete],
        "20 is left out"
    );
    assert_eq!(
        judged(&[step(11, 20, 1, 4)]),
        [Rule::Complete],
        "10 is left out"
    );
    assert_eq!(
        judged(&[step(10, 21, 1, 4)]),
        [Rule::Superfluous],
        "21 does not move"
    );
    assert_eq!(
        judged(&[step(9, 20, 1, 4)]),
        [Rule::Superfluous],
        "9 does not move"
    );
    let twice = [step(10, 20, 1, 4), step(15, 15, 2, 4)];
    assert_eq!(judged(&twice), [Rule::Superfluous], "15 comes twice");
    let known = [step(10, 20, 1, 4), step(10, 12, 1, 2)];
    assert_eq!(judged(&known), [Rule::Superfluous], "n2 has it");
    assert_eq!(
        judged(&[step(10, 20, 5, 4)]),
        [Rule::Source],
        "n5 has nothing"
    );
    assert_eq!(
        judged(&[step(10, 20, 4, 4)]),
        [Rule::Source],
        "n4 has nothing yet"
    );
    assert_eq!(
        judged(&[step(20, 10, 1, 4)]),
        [Rule::Superfluous],
        "backwards"
    );
    assert_eq!(
        judged(&vec![step(10, 10, 1, 4); MOVES_MAX + 1]),
        [Rule::Superfluous]
    );
}

#[test]
fn a_node_that_leaves_can_send_and_one_that_failed_cannot() {
    let plan = [step(10, 20, 3, 4)];
    assert_eq!(rules(&plan, &replaced(), None), []);
    assert_eq!(rules(&plan, &replaced(), Some(3)), [Rule::Source]);
}

#[test]
fn where_nobody_held_anything_nothing_moves() {
    let first = [at(5, &[], &[1])];
    assert_eq!(rules(&[], &first, None), []);
    let plan = [step(0, u64::MAX, 1, 1)];
    assert_eq!(
        rules(&plan, &first, None),
        [Rule::Superfluous, Rule::Source]
    );
}

#[test]
fn what_is_borrowed_is_seen_however_it_is_written() {
    let borrowed = |text| own::borrowed(text);
    for free in [
        "use super::{COPIES, Change, Move, Router};",
        "use crate::{hash, partitioner::{MembershipError, Node, NodeId}, capstone::Move};",
        "use crate::hash; struct Ring; let ring: Ring = ring::new(); range.bounded();",
        "mod inner { use super::super::{COPIES, Change}; }",
        "// as in crate::ring",
        "/* unlike crate::ring */",
        "mod arcs { mod tests { use super::super::Arc; } }",
    ] {
        assert_eq!(borrowed(free), [""; 0], "{free}");
    }
    for (taken, names) in [
        ("use crate::ring::Ring;", &["crate::ring"][..]),
        ("crate::Ring::new(1, 0)", &["crate::Ring"]),
        (
            "use crate::{\n    hash,\n    ring::{Ring, moves},\n    Rendezvous\n};",
            &["crate::ring", "crate::Rendezvous"],
        ),
        ("use crate::*;", &["crate::*"]),
        ("use crate as c; c::ring::Ring", &["crate as"]),
        (
            "use super::super::rendezvous;",
            &["super::super::rendezvous"],
        ),
    ] {
        assert_eq!(borrowed(taken), names, "{taken}");
    }
}
