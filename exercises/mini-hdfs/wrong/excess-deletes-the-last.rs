//! A file of replication 0 loses its last replica; so does one whose replication was not known when this was asked.
//! caught-by: excess::excess_is_never_the_last_one

pub fn choose_excess(replicas: &[Replica<'_>], expected: usize) -> Vec<DatanodeId> {
    let mut left: Vec<&Replica<'_>> = replicas.iter().filter(|r| r.reported).collect();
    let mut in_rack: BTreeMap<&str, usize> = BTreeMap::new();
    for replica in &left {
        *in_rack.entry(replica.rack).or_default() += 1;
    }
    let mut excess = Vec::new();
    while left.len() > expected {
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
