//! The racks are counted once, at the beginning: of two replicas in one rack both may go, and the rack is left
//! without one.
//! caught-by: excess::excess_goes_from_racks_with_more_than_one

pub fn choose_excess(replicas: &[Replica<'_>], expected: usize) -> Vec<DatanodeId> {
    let mut left: Vec<&Replica<'_>> = replicas.iter().filter(|r| r.reported).collect();
    let mut in_rack: BTreeMap<&str, usize> = BTreeMap::new();
    for replica in &left {
        *in_rack.entry(replica.rack).or_default() += 1;
    }
    left.sort_by_key(|replica| {
        let alone = in_rack.get(replica.rack) == Some(&1);
        (alone, !replica.stale, replica.remaining, replica.datanode)
    });
    let count = left.len().saturating_sub(expected.max(1));
    left.iter().take(count).map(|r| r.datanode).collect()
}
