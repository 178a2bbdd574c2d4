//! Placement: wishes for racks, facts about nodes, and what to do where they disagree.

use std::collections::BTreeSet;

use autograder::{Test, tests};
use mini_hdfs::block::DatanodeId;
use mini_hdfs::namenode::placement::{
    Candidate, PlacementError, Request, choose_targets, max_per_rack,
};
use mini_hdfs::protocol::DatanodeState;
use node::Rng;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    placement_of_three_replicas_uses_two_racks,
    placement_spreads_over_equal_nodes,
    placement_of_a_third_replica_leaves_a_shared_rack,
    placement_respects_the_limit_of_a_rack,
    placement_counts_what_a_rack_has_already,
    placement_on_one_rack_is_better_than_none,
    placement_of_a_repair_has_no_writer,
    placement_fills_the_last_block_of_room,
    placement_measures_load_by_the_living,
    placement_avoids_stale_and_overloaded_nodes_while_it_can,
    placement_gives_fewer_rather_than_none_and_says_why_not_one,
    placement_holds_its_rules_in_any_cluster,
];

const BLOCK: u64 = 128 << 20;
const HOSTS: [&str; 12] = [
    "h0", "h1", "h2", "h3", "h4", "h5", "h6", "h7", "h8", "h9", "h10", "h11",
];
const RACKS: [&str; 4] = ["/r0", "/r1", "/r2", "/r3"];

/// Idle nodes with much room, one in each of these racks; ids and hosts count from 0.
fn cluster(racks: &[usize]) -> Vec<Candidate<'static>> {
    let node = |(i, rack): (usize, &usize)| Candidate {
        id: DatanodeId(i as u64),
        hostname: HOSTS[i],
        rack: RACKS[*rack],
        state: DatanodeState::Live,
        remaining: 100 * BLOCK,
        xceivers: 1,
    };
    racks.iter().enumerate().map(node).collect()
}

/// Places `wanted` replicas of a new block.
fn place(
    nodes: &[Candidate<'_>],
    wanted: usize,
    writer: Option<&str>,
    seed: u64,
) -> Result<Vec<usize>, PlacementError> {
    place_more(nodes, wanted, writer, &[], &[], seed)
}

fn place_more(
    nodes: &[Candidate<'_>],
    wanted: usize,
    writer: Option<&str>,
    chosen: &[u64],
    excluded: &[u64],
    seed: u64,
) -> Result<Vec<usize>, PlacementError> {
    let chosen: Vec<DatanodeId> = chosen.iter().map(|id| DatanodeId(*id)).collect();
    let request = Request {
        wanted,
        block_size: BLOCK,
        writer_host: writer,
        chosen: &chosen,
        excluded: &excluded.iter().map(|id| DatanodeId(*id)).collect(),
    };
    let targets = choose_targets(nodes, &request, &mut Rng::new(seed))?;
    if let Err(fault) = fault_in(nodes, &request, &targets) {
        let nodes: Vec<String> = nodes.iter().map(|node| format!("  {node:?}")).collect();
        panic!(
            "{fault}\nchosen: {targets:?}\nof these nodes:\n{}\nfor this: {request:?}",
            nodes.join("\n")
        );
    }
    Ok(targets
        .iter()
        .filter_map(|id| usize::try_from(id.0).ok())
        .collect())
}

/// 0 for a good node, 1 for an overloaded one, 2 for a stale one; none for one that cannot take the replica at all.
fn fitness(node: &Candidate<'_>, nodes: &[Candidate<'_>], request: &Request<'_>) -> Option<u32> {
    let dead = node.state == DatanodeState::Dead;
    let refused = request.excluded.contains(&node.id) || request.chosen.contains(&node.id);
    if dead || refused || node.remaining < request.block_size {
        return None;
    }
    if node.state == DatanodeState::Stale {
        return Some(2);
    }
    let alive = nodes.iter().filter(|n| n.state != DatanodeState::Dead);
    let load: u64 = alive.clone().map(|n| u64::from(n.xceivers)).sum();
    let overloaded = u64::from(node.xceivers) * alive.count() as u64 > 2 * load;
    Some(u32::from(overloaded))
}

/// Walks through the answer and says what is wrong with it, if anything. It knows no order of random draws.
fn fault_in(
    nodes: &[Candidate<'_>],
    request: &Request<'_>,
    targets: &[DatanodeId],
) -> Result<(), String> {
    let find = |id: &DatanodeId| nodes.iter().find(|node| node.id == *id);
    let usable = |node: &&Candidate<'_>| {
        let holds = request.chosen.contains(&node.id) && node.state != DatanodeState::Dead;
        holds || fitness(node, nodes, request).is_some()
    };
    let racks: BTreeSet<&str> = nodes.iter().filter(usable).map(|n| n.rack).collect();
    let alive = |id: &&DatanodeId| find(id).is_some_and(|n| n.state != DatanodeState::Dead);
    let mut before: Vec<&Candidate<'_>> = request
        .chosen
        .iter()
        .filter(alive)
        .filter_map(find)
        .collect();
    let limit = max_per_rack(before.len() + request.wanted, racks.len());
    let free = |before: &[&Candidate<'_>], node: &&Candidate<'_>| {
        let in_rack = before.iter().filter(|other| other.rack == node.rack);
        in_rack.count() < limit && before.iter().all(|other| other.id != node.id)
    };
    for target in targets {
        let node = find(target).ok_or(format!("there is no node {target}"))?;
        let fit = fitness(node, nodes, request).ok_or(format!(
            "node {target} must not be chosen: it is dead, full, excluded, or has a replica"
        ))?;
        if before.iter().any(|other| other.id == *target) {
            return Err(format!("node {target} is chosen twice"));
        }
        if !free(&before, &node) {
            let rack = node.rack;
            return Err(format!("rack {rack} gets more than {limit} replicas"));
        }
        let others = nodes.iter().filter(|node| free(&before, node));
        let fits = others.filter_map(|n| Some((n, fitness(n, nodes, request)?)));
        let fits: Vec<(&Candidate<'_>, u32)> = fits.collect();
        if fits.iter().any(|(_, other)| *other < fit) {
            return Err(format!(
                "node {target} is stale or overloaded, and another one is not"
            ));
        }
        let wish = |node: &Candidate<'_>| match before.as_slice() {
            [] => Some(node.hostname) == request.writer_host,
            [first] => node.rack != first.rack,
            [first, second] if first.rack == second.rack => node.rack != first.rack,
            [_, second] => node.rack == second.rack,
            _ => true,
        };
        let mut equal = fits.iter().filter(|(_, other)| *other == fit);
        if !wish(node) && equal.any(|(other, _)| wish(other)) {
            let place = before.len() + 1;
            return Err(format!(
                "replica {place} goes to node {target}, which is not where it should be, though one that is could take it"
            ));
        }
        before.push(node);
    }
    let more = nodes
        .iter()
        .filter(|node| free(&before, node) && fitness(node, nodes, request).is_some())
        .count();
    if targets.len() > request.wanted || (targets.len() < request.wanted && more > 0) {
        let (got, wanted) = (targets.len(), request.wanted);
        return Err(format!(
            "{got} nodes are chosen where {wanted} are wanted, and {more} more could be"
        ));
    }
    Ok(())
}

fn placement_of_three_replicas_uses_two_racks() {
    let nodes = cluster(&[0, 0, 0, 1, 1, 1, 2, 2]);
    for seed in autograder::seeds(50) {
        let targets = place(&nodes, 3, Some("h4"), seed).unwrap();
        assert_eq!(targets[0], 4, "the first replica is the writer's own");
        let rack = |i: usize| nodes[targets[i]].rack;
        assert_ne!(rack(0), rack(1), "the second is in another rack");
        assert_eq!(rack(1), rack(2), "the third is beside the second");
    }
}

fn placement_spreads_over_equal_nodes() {
    let nodes = cluster(&[0, 0, 1, 1, 2, 2]);
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        seen.extend(place(&nodes, 1, Some("elsewhere"), seed).unwrap());
    }
    assert_eq!(
        seen.len(),
        6,
        "each node is as good as the others for a writer outside"
    );
}

fn placement_of_a_third_replica_leaves_a_shared_rack() {
    let nodes = cluster(&[0, 0, 0, 1]);
    for seed in autograder::seeds(20) {
        let targets = place_more(&nodes, 1, None, &[0, 1], &[], seed).unwrap();
        assert_eq!(
            targets,
            [3],
            "both replicas are in rack 0, so the third is not"
        );
    }
    let nodes = cluster(&[0, 0, 0, 0, 0, 1, 1]);
    for seed in 0..20 {
        let targets = place_more(&nodes, 2, None, &[0, 1], &[], seed).unwrap();
        assert!(
            targets[0] >= 5,
            "both replicas are in rack 0; the third is not, though rack 0 may have one more: {targets:?}"
        );
    }
}

fn placement_respects_the_limit_of_a_rack() {
    for (replicas, racks, limit) in [(3, 2, 2), (2, 2, 1), (10, 3, 5), (3, 1, 3), (1, 4, 1)] {
        assert_eq!(
            max_per_rack(replicas, racks),
            limit,
            "{replicas} replicas in {racks} racks"
        );
    }
    let nodes = cluster(&[0, 0, 0, 0, 0, 0, 0, 1, 1]);
    for seed in autograder::seeds(20) {
        let targets = place(&nodes, 5, None, seed).unwrap();
        let in_rack_0 = targets.iter().filter(|i| **i < 7).count();
        assert!(
            in_rack_0 <= 4,
            "at most (5 - 1) / 2 + 2 = 4 of 5 in a rack: {targets:?}"
        );
    }
}

fn placement_on_one_rack_is_better_than_none() {
    let nodes = cluster(&[0, 0, 0, 0]);
    assert_eq!(
        place(&nodes, 3, None, 1).unwrap().len(),
        3,
        "where there is only one rack, all replicas go there"
    );
    let mut nodes = cluster(&[0, 0, 0, 1]);
    nodes[3].remaining = BLOCK - 1;
    assert_eq!(
        place(&nodes, 3, None, 1).unwrap().len(),
        3,
        "a rack in which no node can take a replica does not count"
    );
}

fn placement_counts_what_a_rack_has_already() {
    // Rack 0 has the replicas on nodes 0, 1 and 2; of 5 in 2 racks it may have (5 - 1) / 2 + 2 = 4.
    let nodes = cluster(&[0, 0, 0, 0, 0, 0, 1, 1]);
    for seed in 0..20 {
        let targets = place_more(&nodes, 2, None, &[0, 1, 2], &[], seed).unwrap();
        let in_rack_0 = targets.iter().filter(|i| **i < 6).count();
        assert!(
            in_rack_0 <= 1,
            "with the 3 that it has, rack 0 may get 1 more: {targets:?}"
        );
    }
}

fn placement_of_a_repair_has_no_writer() {
    let nodes = cluster(&[0, 0, 0, 1, 1]);
    for seed in 0..20 {
        let targets = place_more(&nodes, 2, Some("h1"), &[0], &[], seed).unwrap();
        assert!(
            targets[0] >= 3,
            "only the first replica of a block goes to the writer's machine; the second leaves its rack: {targets:?}"
        );
    }
}

fn placement_fills_the_last_block_of_room() {
    let mut nodes = cluster(&[0, 0]);
    nodes[0].remaining = BLOCK;
    nodes[1].remaining = BLOCK - 1;
    assert_eq!(
        place(&nodes, 2, None, 1),
        Ok(vec![0]),
        "node 0 has room for exactly one block, node 1 for one byte less"
    );
}

fn placement_measures_load_by_the_living() {
    // The average of the three that live is 3, so 6 is not more than twice that; with the dead one it would be 2.25.
    let mut nodes = cluster(&[0, 0, 0, 0]);
    for (node, xceivers) in nodes.iter_mut().zip([6, 3, 0, 0]) {
        node.xceivers = xceivers;
    }
    nodes[3].state = DatanodeState::Dead;
    for seed in 0..20 {
        let targets = place(&nodes, 1, Some("h0"), seed).unwrap();
        assert_eq!(
            targets,
            [0],
            "the writer's node has twice the average of the living, not more: it is not overloaded"
        );
    }
}

fn placement_avoids_stale_and_overloaded_nodes_while_it_can() {
    let mut nodes = cluster(&[0, 0, 1, 1, 1, 1]);
    nodes[0].state = DatanodeState::Stale;
    nodes[2].xceivers = 90;
    for seed in autograder::seeds(50) {
        let targets = place(&nodes, 3, Some("h0"), seed).unwrap();
        let avoided = targets.iter().all(|i| ![0, 2].contains(i));
        assert!(avoided, "node 0 is stale and node 2 busy: {targets:?}");
        let all = place(&nodes, 6, Some("h0"), seed).unwrap();
        assert_eq!(all.last(), Some(&0), "a stale node is the last resort");
    }
}

fn placement_gives_fewer_rather_than_none_and_says_why_not_one() {
    let mut nodes = cluster(&[0, 0, 1, 1]);
    nodes[0].state = DatanodeState::Dead;
    nodes[1].remaining = 0;
    assert_eq!(
        place_more(&nodes, 3, None, &[], &[2], 1).unwrap(),
        [3],
        "node 0 is dead, 1 full, 2 excluded; one target is better than none"
    );
    let refused = place_more(&nodes, 3, None, &[3], &[2], 1).unwrap_err();
    let told = (
        refused.nodes,
        refused.dead,
        refused.full,
        refused.excluded,
        refused.holding,
    );
    assert_eq!(
        told,
        (4, 1, 1, 1, 1),
        "why each node will not do: {refused}"
    );
}

prop_compose! {
    fn any_cluster()(
        nodes in proptest::collection::vec((0..4usize, 0..8u8, 0..4u64, 0..6u32), 0..12)
    ) -> Vec<Candidate<'static>> {
        let racks: Vec<usize> = nodes.iter().map(|(rack, ..)| *rack).collect();
        let mut candidates = cluster(&racks);
        for (candidate, (_, state, blocks, xceivers)) in candidates.iter_mut().zip(nodes) {
            candidate.state = match state {
                0 => DatanodeState::Dead,
                1 | 2 => DatanodeState::Stale,
                _ => DatanodeState::Live,
            };
            candidate.remaining = blocks * BLOCK;
            candidate.xceivers = xceivers;
        }
        candidates
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn placement_holds_its_rules_in_any_cluster(
        nodes in any_cluster(),
        wanted in 1..6usize,
        writer in 0..12usize,
        chosen in proptest::collection::btree_set(0..12u64, 0..4),
        excluded in proptest::collection::btree_set(0..12u64, 0..3),
        seed in any::<u64>(),
    ) {
        let chosen: Vec<u64> = chosen.into_iter().filter(|id| *id < nodes.len() as u64).collect();
        let excluded: Vec<u64> = excluded.into_iter().filter(|id| !chosen.contains(id)).collect();
        let placed = place_more(&nodes, wanted, Some(HOSTS[writer]), &chosen, &excluded, seed);
        if let Err(refused) = placed {
            let ids: Vec<DatanodeId> = chosen.iter().map(|id| DatanodeId(*id)).collect();
            let request = Request {
                wanted,
                block_size: BLOCK,
                writer_host: None,
                chosen: &ids,
                excluded: &excluded.iter().map(|id| DatanodeId(*id)).collect(),
            };
            let fault = fault_in(&nodes, &request, &[]);
            prop_assert!(fault.is_ok(), "refused ({refused}), but: {fault:?}");
        }
    }
}
