//! Counts the arena and not the index: with small pairs, memory is half as much again.
//! caught-by: sort_buffer::the_budget_is_kept

impl SortBuffer {
    pub fn insert(&mut self, partition: u32, key: &[u8], value: &[u8]) -> bool {
        let room = self.room_for(value.len());
        if self.arena.len() + LENGTHS + key.len() + room > self.budget {
            return false;
        }
        let Some(at) = self.append(key, value, room) else {
            return false;
        };
        self.entries.push(Entry {
            prefix: prefix(key),
            partition,
            at,
        });
        true
    }
}
