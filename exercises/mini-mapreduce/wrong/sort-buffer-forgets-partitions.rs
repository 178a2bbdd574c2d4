//! Sorts by key alone: the segments of the reduces are mixed.
//! caught-by: sort_buffer::partitions_come_first_and_keys_second

impl SortBuffer {
    pub fn sort(&mut self) {
        let arena = &self.arena;
        self.entries.sort_by(|a, b| pair_at(arena, a.at).0.cmp(pair_at(arena, b.at).0));
    }
}
