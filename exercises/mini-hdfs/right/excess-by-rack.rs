//! Racks first: each is a sorted list of its replicas, and the one that goes next is the best of the lists that can spare
//! one.

pub fn choose_excess(replicas: &[Replica<'_>], expected: usize) -> Vec<DatanodeId> {
    type Rank = (bool, u64, DatanodeId);
    let mut racks: BTreeMap<&str, Vec<Rank>> = BTreeMap::new();
    for r in replicas.iter().filter(|r| r.reported) {
        let rank = (!r.stale, r.remaining, r.datanode);
        racks.entry(r.rack).or_default().push(rank);
    }
    for rack in racks.values_mut() {
        // The first to go stands last.
        rack.sort_unstable_by(|a, b| b.cmp(a));
    }
    let mut excess = Vec::new();
    let count: usize = racks.values().map(Vec::len).sum();
    for _ in expected.max(1)..count {
        let spare = racks.values().any(|rack| rack.len() > 1);
        let least = if spare { 2 } else { 1 };
        let candidates = racks.values_mut().filter(|rack| rack.len() >= least);
        let next = candidates.min_by_key(|rack| rack.last().copied());
        if let Some((_, _, datanode)) = next.and_then(Vec::pop) {
            excess.push(datanode);
        }
    }
    excess
}
