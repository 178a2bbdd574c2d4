//! Without nodes it waits for somebody to fill the table.
//! caught-by: maglev::without_turns_there_is_no_table

pub fn fill(preferences: &[Preference], turns: &[usize], size: usize) -> Vec<usize> {
    let mut table = vec![None; size];
    let mut next: Vec<usize> = preferences.iter().map(|wants| wants.offset).collect();
    let mut turn = 0;
    while table.iter().any(Option::is_none) {
        let node = turns[turn % turns.len()];
        turn += 1;
        while table[next[node]].is_some() {
            next[node] = (next[node] + preferences[node].skip) % size;
        }
        table[next[node]] = Some(node);
    }
    table.into_iter().flatten().collect()
}
