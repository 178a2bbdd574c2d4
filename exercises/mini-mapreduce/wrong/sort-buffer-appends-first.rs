//! Appends a pair, finds that it has no room, and leaves it in the arena: the budget is gone, for nothing.
//! caught-by: sort_buffer::a_pair_that_does_not_fit_changes_nothing

impl SortBuffer {
    pub fn insert(&mut self, partition: u32, key: &[u8], value: &[u8]) -> bool {
        let room = self.room_for(value.len());
        let is_over = self.used() + self.takes(key, room) > self.budget;
        let Some(at) = self.append(key, value, room) else {
            return false;
        };
        if is_over {
            return false;
        }
        self.entries.push(Entry {
            prefix: prefix(key),
            partition,
            at,
        });
        true
    }
}
