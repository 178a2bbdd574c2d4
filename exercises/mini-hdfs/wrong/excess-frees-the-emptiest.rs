//! The replica on the emptiest DataNode goes: the full one stays full, and the next block finds no room there.
//! caught-by: excess::excess_frees_the_fullest_node

pub fn choose_excess(replicas: &[Replica<'_>], expected: usize) -> Vec<DatanodeId> {
    let mut left: Vec<&Replica<'_>> = replicas.iter().filter(|r| r.reported).collect();
    let mut in_rack: BTreeMap<&str, usize> = BTreeMap::new();
    for replica in &left {
        *in_rack.entry(replica.rack).or_default() += 1;
    }
    let mut excess = Vec::new();
    while left.len() > expected.max(1) {
        left.sort_by_key(|replica| {
            let alone = in_rack.get(replica.rack) == Some(&1);
            (
                alone,
                !replica.stale,
                std::cmp::Reverse(replica.remaining),
                replica.datanode,
            )
        });
        let chosen = left.remove(0);
        if let Some(count) = in_rack.get_mut(chosen.rack) {
            *count -= 1;
        }
        excess.push(chosen.datanode);
    }
    excess
}
