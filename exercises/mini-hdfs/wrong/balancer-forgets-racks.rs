//! Racks are not asked for: the only replica of a rack goes to the other one, and a block has all its replicas behind one switch.
//! caught-by: balancer::balancer_keeps_racks

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
        if !is_new || block.len > left || !can_go {
            continue;
        }
        let known = holders.iter().filter_map(|id| nodes.get(id));
        let Some(proxy) = known.min_by_key(|node| place(node)) else {
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
