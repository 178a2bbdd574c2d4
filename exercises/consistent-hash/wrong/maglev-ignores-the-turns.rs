//! The nodes take turns by number, whatever the turns say: weights count for nothing.
//! caught-by: maglev::who_has_two_turns_gets_twice_as_much

pub fn fill(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    let mut members = turns.to_vec();
    members.sort_unstable();
    members.dedup();
    if members.is_empty() {
        return Vec::new();
    }
    let mut table = vec![None; size];
    let mut next: Vec<usize> = preferences.iter().map(|wants| wants.offset).collect();
    for &node in members.iter().cycle().take(size) {
        while table[next[node]].is_some() {
            next[node] = (next[node] + preferences[node].skip) % size;
        }
        table[next[node]] = Some(node);
    }
    table.into_iter().flatten().collect()
}
