//! Replicas on DataNodes that have not reported do not count, but their racks do: a rack whose other replica is not sure to
//! exist loses its last.
//! caught-by: excess::excess_of_a_rack_counts_only_what_was_reported

pub fn choose_excess(replicas: &[Replica<'_>], expected: usize) -> Vec<DatanodeId> {
    let mut left: Vec<&Replica<'_>> = replicas.iter().filter(|r| r.reported).collect();
    let mut in_rack: BTreeMap<&str, usize> = BTreeMap::new();
    for replica in replicas {
        *in_rack.entry(replica.rack).or_default() += 1;
    }
    let mut excess = Vec::new();
    while left.len() > expected.max(1) {
        left.sort_by_key(|replica| {
            let alone = in_rack.get(replica.rack) == Some(&1);
            (alone, !replica.stale, replica.remaining, replica.datanode)
        });
        let chosen = left.remove(0);
        if let Some(count) = in_rack.get_mut(chosen.rack) {
            *count -= 1;
        }
        excess.push(chosen.datanode);
    }
    excess
}
