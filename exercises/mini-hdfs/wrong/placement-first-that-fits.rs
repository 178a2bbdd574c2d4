//! Takes the first node of the list that will do: one node fills up, is asked by everyone, and loses the most when it dies.
//! caught-by: placement::placement_spreads_over_equal_nodes

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
    let mut targets = Vec::new();
    while targets.len() < request.wanted {
        let levels = [Fitness::Good, Fitness::Overloaded, Fitness::Stale];
        let next = levels.into_iter().find_map(|level| {
            let below = |rack| chosen.iter().filter(|other| **other == rack).count() < limit;
            let fit: Vec<usize> = (0..nodes.len())
                .filter(|index| fitness[*index] <= level && below(nodes[*index].rack))
                .collect();
            let wish = |index: &usize| fulfils_wish(&nodes[*index], &chosen, request.writer_host);
            let best: Vec<usize> = fit.iter().copied().filter(wish).collect();
            let _ = &*rng;
            best.first().or(fit.first()).copied()
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
