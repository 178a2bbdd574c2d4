//! Who finds his next entry taken has lost his turn: nodes with unlucky orders get less, and it is not even any more.
//! caught-by: maglev::two_nodes_take_turns

pub fn fill(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    if turns.is_empty() {
        return Vec::new();
    }
    let mut table = vec![None; size];
    let mut next: Vec<usize> = preferences.iter().map(|wants| wants.offset).collect();
    for &node in turns.iter().cycle() {
        if table.iter().all(Option::is_some) {
            break;
        }
        let entry = next[node];
        next[node] = (entry + preferences[node].skip) % size;
        table[entry].get_or_insert(node);
    }
    table.into_iter().flatten().collect()
}
