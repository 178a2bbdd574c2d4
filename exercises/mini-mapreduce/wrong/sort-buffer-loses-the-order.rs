//! Sorts without regard to which came first: a job's output differs from run to run, and nobody knows why.
//! caught-by: sort_buffer::pairs_of_one_key_stay_in_their_order

impl SortBuffer {
    pub fn sort(&mut self) {
        let arena = &self.arena;
        let key = |entry: &Entry| pair_at(arena, entry.at).0;
        self.entries.sort_unstable_by(|a, b| {
            (a.partition.cmp(&b.partition))
                .then_with(|| key(a).cmp(key(b)))
                .then(b.at.cmp(&a.at))
        });
    }
}
