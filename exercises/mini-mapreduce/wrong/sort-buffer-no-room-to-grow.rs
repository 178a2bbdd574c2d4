//! Gives a value the bytes that it has: where values are folded, a sum that grows is written over the next pair.
//! caught-by: sort_buffer::a_value_that_is_folded_has_room_to_grow

impl SortBuffer {
    pub fn insert(&mut self, partition: u32, key: &[u8], value: &[u8]) -> bool {
        let room = value.len();
        if self.used() + self.takes(key, room) > self.budget {
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
