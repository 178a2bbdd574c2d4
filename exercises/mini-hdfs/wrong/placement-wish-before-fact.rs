//! Prefers a node that fulfils the wish though it is stale or overloaded: a writer beside a dying node waits for it.
//! caught-by: placement::placement_avoids_stale_and_overloaded_nodes_while_it_can

pub fn choose_targets(
    nodes: &[Candidate<'_>],
    request: &Request<'_>,
    rng: &mut Rng,
) -> Result<Vec<DatanodeId>, PlacementError> {
    let mut fitness = judge(nodes, request);
    let usable = |fitness: &Fitness| *fitness <= Fitness::Holding;
    let racks: BTreeSet<&str> = nodes
        .iter()
        .zip(&fitness)
        .filter(|(_, fitness)| usable(fitness))
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
        let below = |rack| chosen.iter().filter(|other| **other == rack).count() < limit;
        let mut fit: Vec<usize> = (0..nodes.len())
            .filter(|index| fitness[*index] <= Fitness::Stale && below(nodes[*index].rack))
            .collect();
        rng.shuffle(&mut fit);
        let wish = |index: usize| fulfils_wish(&nodes[index], &chosen, request.writer_host);
        let best = fit
            .iter()
            .min_by_key(|index| (!wish(**index), fitness[**index]));
        let Some(next) = best.copied() else { break };
        fitness[next] = Fitness::Holding;
        chosen.push(nodes[next].rack);
        targets.push(nodes[next].id);
    }
    if targets.is_empty() && request.wanted > 0 {
        return Err(refusal(&fitness));
    }
    Ok(targets)
}
