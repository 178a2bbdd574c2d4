//! Counts only the new replicas against the limit of a rack: when a block is repaired, one rack may end up with all.
//! caught-by: placement::placement_counts_what_a_rack_has_already

pub fn choose_targets(
    nodes: &[Candidate<'_>],
    request: &Request<'_>,
    rng: &mut Rng,
) -> Result<Vec<DatanodeId>, PlacementError> {
    let mut fitness = judge(nodes, request);
    let racks: BTreeSet<&str> = nodes
        .iter()
        .zip(&fitness)
        .filter(|(_, fitness)| **fitness <= Fitness::Holding)
        .map(|(node, _)| node.rack)
        .collect();
    let rack_of = |id: &DatanodeId| {
        let node = nodes.iter().find(|node| node.id == *id)?;
        (node.state != DatanodeState::Dead).then_some(node.rack)
    };
    let mut chosen: Vec<&str> = request.chosen.iter().filter_map(rack_of).collect();
    let limit = max_per_rack(chosen.len() + request.wanted, racks.len());
    let old = chosen.clone();
    let mut targets = Vec::new();
    while targets.len() < request.wanted {
        let levels = [Fitness::Good, Fitness::Overloaded, Fitness::Stale];
        let next = levels.into_iter().find_map(|level| {
            let count = |racks: &[&str], rack| racks.iter().filter(|r| **r == rack).count();
            let below = |rack| count(&chosen, rack) - count(&old, rack) < limit;
            let fit: Vec<usize> = (0..nodes.len())
                .filter(|index| fitness[*index] <= level && below(nodes[*index].rack))
                .collect();
            let wish = |index: &usize| fulfils_wish(&nodes[*index], &chosen, request.writer_host);
            let best: Vec<usize> = fit.iter().copied().filter(wish).collect();
            rng.choose(if best.is_empty() { &fit } else { &best })
                .copied()
        });
        let Some(next) = next else { break };
        fitness[next] = Fitness::Holding;
        chosen.push(nodes[next].rack);
        targets.push(nodes[next].id);
    }
    if targets.is_empty() && request.wanted > 0 {
        return Err(refusal(&fitness));
    }
    Ok(targets)
}
