//! Each node takes its whole share before the next one begins: even, but the last gets what nobody wanted, and everything changes when a
//! node goes.
//! caught-by: maglev::two_nodes_take_turns

pub fn fill(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    if turns.is_empty() {
        return Vec::new();
    }
    let mut order: Vec<usize> = turns.iter().copied().cycle().take(size).collect();
    order.sort_unstable();
    let mut table = vec![None; size];
    let mut next: Vec<usize> = preferences.iter().map(|wants| wants.offset).collect();
    for node in order {
        while table[next[node]].is_some() {
            next[node] = (next[node] + preferences[node].skip) % size;
        }
        table[next[node]] = Some(node);
    }
    table.into_iter().flatten().collect()
}
