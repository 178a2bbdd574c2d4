//! A block is taken while anything is left of the pair, however long it is: with large blocks the target is over-utilised afterwards, and
//! the next iteration moves them back.
//! caught-by: balancer::balancer_moves_blocks_that_fit

pub fn choose_moves(
    pair: &Pair,
    blocks: &[StoredBlock],
    nodes: &BTreeMap<DatanodeId, Node>,
    moved: &BTreeSet<BlockId>,
) -> Vec<Move> {
    let Some(target) = nodes.get(&pair.target) else {
        return Vec::new();
    };
    let place = |node: &Node| distance(place_of(node), place_of(target));
    let mut left = pair.bytes;
    let mut taken = BTreeSet::new();
    let mut moves = Vec::new();
    for StoredBlock { block, holders } in blocks {
        let is_new = !moved.contains(&block.id) && !taken.contains(&block.id);
        let can_go = holders.contains(&pair.source) && !holders.contains(&pair.target);
        if !is_new || left == 0 || !can_go {
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
        let known = holders.iter().filter_map(|id| nodes.get(id));
        let Some(proxy) = known.min_by_key(|node| place(node)) else {
            continue;
        };
        left = left.saturating_sub(block.len);
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
