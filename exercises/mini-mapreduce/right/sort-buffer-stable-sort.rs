//! Counts by itself, and sorts with a stable sort, for which the order of arrival needs no comparison.

impl SortBuffer {
    pub fn insert(&mut self, partition: u32, key: &[u8], value: &[u8]) -> bool {
        let room = self.room_for(value.len());
        let left = self.budget.checked_sub(self.used());
        if left.is_none_or(|left| left < self.takes(key, room)) {
            return false;
        }
        match self.append(key, value, room) {
            None => false,
            Some(at) => {
                let prefix = prefix(key);
                self.entries.push(Entry { prefix, partition, at });
                true
            }
        }
    }

    pub fn sort(&mut self) {
        let arena = &self.arena;
        let order = |entry: &Entry| (entry.partition, pair_at(arena, entry.at).0);
        self.entries.sort_by(|a, b| order(a).cmp(&order(b)));
    }
}
