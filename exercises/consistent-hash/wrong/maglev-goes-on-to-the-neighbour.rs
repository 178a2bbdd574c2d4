//! Where an entry is taken, the one behind it is tried, as a hash table does: nodes crowd behind each other, and one that goes disturbs all of
//! them.
//! caught-by: maglev::without_a_node_the_papers_example_hardly_changes

pub fn fill(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    if turns.is_empty() {
        return Vec::new();
    }
    let mut table = vec![None; size];
    let mut next: Vec<usize> = preferences.iter().map(|wants| wants.offset).collect();
    for &node in turns.iter().cycle().take(size) {
        let mut entry = next[node];
        next[node] = (entry + preferences[node].skip) % size;
        while table[entry].is_some() {
            entry = (entry + 1) % size;
        }
        table[entry] = Some(node);
    }
    table.into_iter().flatten().collect()
}
