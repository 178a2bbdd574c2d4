//! Shuffles once, scores what is left for each replica and takes the best; counts replicas per rack in a map.

pub fn choose_targets(
    nodes: &[Candidate<'_>],
    request: &Request<'_>,
    rng: &mut Rng,
) -> Result<Vec<DatanodeId>, PlacementError> {
    let alive: Vec<&Candidate<'_>> = nodes
        .iter()
        .filter(|node| node.state != DatanodeState::Dead)
        .collect();
    let load: u64 = alive.iter().map(|node| u64::from(node.xceivers)).sum();
    let busy = |node: &Candidate<'_>| u64::from(node.xceivers) * alive.len() as u64 > 2 * load;
    let mut error = PlacementError {
        nodes: nodes.len(),
        dead: nodes.len() - alive.len(),
        ..PlacementError::default()
    };
    let mut pool = Vec::new();
    for node in &alive {
        if request.chosen.contains(&node.id) {
            error.holding += 1;
        } else if request.excluded.contains(&node.id) {
            error.excluded += 1;
        } else if node.remaining < request.block_size {
            error.full += 1;
        } else {
            pool.push(*node);
        }
    }
    rng.shuffle(&mut pool);

    let find = |id: &DatanodeId| alive.iter().find(|node| node.id == *id);
    let mut replicas: Vec<&str> = Vec::new();
    replicas.extend(request.chosen.iter().filter_map(find).map(|node| node.rack));
    let racks = pool
        .iter()
        .map(|node| node.rack)
        .chain(replicas.iter().copied());
    let racks = racks.collect::<BTreeSet<_>>().len();
    let limit = max_per_rack(replicas.len() + request.wanted, racks);

    let mut targets = Vec::new();
    for _ in 0..request.wanted {
        let score = |node: &Candidate<'_>| {
            let stale = node.state == DatanodeState::Stale;
            let trouble = if stale { 2 } else { u32::from(busy(node)) };
            let granted = match replicas.len() {
                0 => request
                    .writer_host
                    .is_some_and(|host| host == node.hostname),
                1 => node.rack != replicas[0],
                2 => (node.rack == replicas[1]) != (replicas[0] == replicas[1]),
                _ => true,
            };
            (trouble, u32::from(!granted))
        };
        let free = |node: &Candidate<'_>| {
            replicas.iter().filter(|rack| **rack == node.rack).count() < limit
        };
        let best = (0..pool.len())
            .filter(|index| free(pool[*index]))
            .min_by_key(|index| score(pool[*index]));
        let Some(best) = best else { break };
        let node = pool.swap_remove(best);
        replicas.push(node.rack);
        targets.push(node.id);
    }
    if targets.is_empty() && request.wanted > 0 {
        error.rack_full = pool.len();
        return Err(error);
    }
    Ok(targets)
}
