//! Whoever is above the average gives to whoever is below it. Two DataNodes that are both within the threshold trade too, and the
//! balancer never comes to rest.
//! caught-by: balancer::balancer_pairs_the_worst_first

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
        (Class::AboveAverage, Class::BelowAverage),
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
