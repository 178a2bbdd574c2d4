//! Givers and takers as queues that are worked off from the front; moves by folding over the blocks, with the racks counted by
//! asking who else stands in the source's rack.

pub fn pair_up(nodes: &[Node], utilisation: &Utilisation, max: u64) -> Vec<Pair> {
    let mut left: Vec<u64> = nodes
        .iter()
        .map(|node| utilisation.distance(node).min(max))
        .collect();
    let class: Vec<Class> = nodes.iter().map(|node| utilisation.class(node)).collect();
    let mut racks: Vec<Option<&str>> = nodes.iter().map(|node| Some(node.rack.as_str())).collect();
    racks.sort_unstable();
    racks.dedup();
    racks.push(None);
    let mut pairs = Vec::new();
    for rack in racks {
        let in_rack = |index: &usize| rack.is_none_or(|rack| nodes[*index].rack == rack);
        for (give, take) in [
            (Class::Over, Class::Under),
            (Class::Over, Class::BelowAverage),
            (Class::AboveAverage, Class::Under),
        ] {
            let of = |wanted: Class| -> std::collections::VecDeque<usize> {
                let all = 0..nodes.len();
                all.filter(in_rack)
                    .filter(|i| class[*i] == wanted)
                    .rev()
                    .collect()
            };
            let (mut givers, mut takers) = (of(give), of(take));
            while let (Some(&giver), Some(&taker)) = (givers.front(), takers.front()) {
                let bytes = left[giver].min(left[taker]);
                left[giver] -= bytes;
                left[taker] -= bytes;
                if bytes > 0 {
                    pairs.push(Pair {
                        source: nodes[giver].id,
                        target: nodes[taker].id,
                        bytes,
                    });
                }
                if left[giver] == 0 {
                    givers.pop_front();
                }
                if left[taker] == 0 {
                    takers.pop_front();
                }
            }
        }
    }
    pairs
}

pub fn choose_moves(
    pair: &Pair,
    blocks: &[StoredBlock],
    nodes: &BTreeMap<DatanodeId, Node>,
    moved: &BTreeSet<BlockId>,
) -> Vec<Move> {
    let rack = |id: &DatanodeId| nodes.get(id).map(|node| node.rack.as_str());
    let Some(target) = nodes.get(&pair.target) else {
        return Vec::new();
    };
    let mut seen = moved.clone();
    let mut left = pair.bytes;
    let mut moves = Vec::new();
    for stored in blocks {
        let holders = &stored.holders;
        let others: Vec<&DatanodeId> = holders.iter().filter(|id| **id != pair.source).collect();
        let has_source = others.len() < holders.len();
        let source_rack = rack(&pair.source);
        let spared = source_rack.is_none() || others.iter().any(|id| rack(id) == source_rack);
        let gained = !others
            .iter()
            .any(|id| rack(id) == Some(target.rack.as_str()));
        let fits = stored.block.len <= left;
        if !has_source || holders.contains(&pair.target) || !fits || !(spared || gained) {
            continue;
        }
        let mut known: Vec<&Node> = holders.iter().filter_map(|id| nodes.get(id)).collect();
        known.sort_by_key(|node| {
            (
                distance(place_of(node), place_of(target)),
                node.id != pair.source,
            )
        });
        let Some(proxy) = known.first() else {
            continue;
        };
        if seen.insert(stored.block.id) {
            left -= stored.block.len;
            moves.push(Move {
                block: stored.block,
                source: pair.source,
                target: pair.target,
                proxy: proxy.id,
            });
        }
    }
    moves
}
