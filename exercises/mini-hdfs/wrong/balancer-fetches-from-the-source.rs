//! The bytes come from the full DataNode, though a neighbour of the target has them too: the one that is to be relieved does all the
//! work, across racks.
//! caught-by: balancer::balancer_fetches_from_the_nearest

pub fn choose_moves(
    pair: &Pair,
    blocks: &[StoredBlock],
    nodes: &BTreeMap<DatanodeId, Node>,
    moved: &BTreeSet<BlockId>,
) -> Vec<Move> {
    let Some(target) = nodes.get(&pair.target) else {
        return Vec::new();
    };
    let _ = distance(place_of(target), place_of(target));
    let mut left = pair.bytes;
    let mut taken = BTreeSet::new();
    let mut moves = Vec::new();
    for StoredBlock { block, holders } in blocks {
        let is_new = !moved.contains(&block.id) && !taken.contains(&block.id);
        let can_go = holders.contains(&pair.source) && !holders.contains(&pair.target);
        if !is_new || block.len > left || !can_go {
            continue;
        }
        let racks = |holders: &mut dyn Iterator<Item = &DatanodeId>| {
            let racks = holders.filter_map(|id| nodes.get(id));
            racks.map(|node| &node.rack).collect::<BTreeSet<_>>().len()
        };
        let stay = holders.iter().filter(|id| **id != pair.source);
        if racks(&mut stay.chain([&pair.target])) < racks(&mut holders.iter()) {
            continue;
        }
        let mut known = holders.iter().filter_map(|id| nodes.get(id));
        let Some(proxy) = known.find(|node| node.id == pair.source) else {
            continue;
        };
        left -= block.len;
        taken.insert(block.id);
        moves.push(Move {
            block: *block,
            source: pair.source,
            target: pair.target,
            proxy: proxy.id,
        });
    }
    moves
}
