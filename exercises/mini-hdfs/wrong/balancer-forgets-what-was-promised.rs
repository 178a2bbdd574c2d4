//! Each pair is told all that its two could give and take, whatever was promised to others: an empty DataNode that three full ones
//! give to is over-utilised afterwards.
//! caught-by: balancer::balancer_pairs_the_worst_first

pub fn pair_up(nodes: &[Node], utilisation: &Utilisation, max: u64) -> Vec<Pair> {
    let left: BTreeMap<DatanodeId, u64> = nodes
        .iter()
        .map(|node| (node.id, utilisation.distance(node).min(max)))
        .collect();
    let of = |class| {
        let such = move |node: &&Node| utilisation.class(node) == class;
        nodes.iter().filter(such)
    };
    let kinds = [
        (Class::Over, Class::Under),
        (Class::Over, Class::BelowAverage),
        (Class::AboveAverage, Class::Under),
    ];
    let mut pairs = Vec::new();
    for same_rack in [true, false] {
        for (give, take) in kinds {
            for source in of(give) {
                for target in of(take).filter(|t| !same_rack || t.rack == source.rack) {
                    let bytes = left[&source.id].min(left[&target.id]);
                    if bytes == 0 {
                        continue;
                    }
                    pairs.push(Pair {
                        source: source.id,
                        target: target.id,
                        bytes,
                    });
                }
            }
        }
    }
    pairs
}
