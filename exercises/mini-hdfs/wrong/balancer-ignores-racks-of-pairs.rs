//! Pairs are made without asking for racks: gigabytes travel over the switches between racks although the neighbour would have taken
//! them.
//! caught-by: balancer::balancer_pairs_within_racks_first

pub fn pair_up(nodes: &[Node], utilisation: &Utilisation, max: u64) -> Vec<Pair> {
    let mut left: BTreeMap<DatanodeId, u64> = nodes
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
    {
        for (give, take) in kinds {
            for source in of(give) {
                for target in of(take) {
                    let bytes = left[&source.id].min(left[&target.id]);
                    if bytes == 0 {
                        continue;
                    }
                    for id in [source.id, target.id] {
                        *left.entry(id).or_default() -= bytes;
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
