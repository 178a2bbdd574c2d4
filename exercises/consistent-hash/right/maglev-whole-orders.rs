//! Writes down each node's whole order first, as the paper's `permutation` does, and takes from its front what is free.

pub fn fill(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    use std::collections::{BTreeMap, VecDeque};

    let order = |wants: &Preference| -> VecDeque<usize> {
        (0..size)
            .map(|j| (wants.offset + wants.skip * j) % size)
            .collect()
    };
    let mut orders: Vec<VecDeque<usize>> = preferences.iter().map(order).collect();
    let mut table: BTreeMap<usize, usize> = BTreeMap::new();
    let mut turn = 0;
    while !turns.is_empty() && table.len() < size {
        let node = turns[turn];
        while let Some(entry) = orders[node].pop_front() {
            if !table.contains_key(&entry) {
                table.insert(entry, node);
                break;
            }
        }
        turn = if turn + 1 < turns.len() { turn + 1 } else { 0 };
    }
    table.into_values().collect()
}
