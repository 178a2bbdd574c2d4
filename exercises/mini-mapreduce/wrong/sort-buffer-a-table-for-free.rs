//! Forgets the table that finds keys, which doubles when it is nearly full: a buffer that folds breaks its budget.
//! caught-by: sort_buffer::the_budget_holds_for_the_table_too

impl SortBuffer {
    pub fn insert(&mut self, partition: u32, key: &[u8], value: &[u8]) -> bool {
        let room = self.room_for(value.len());
        if self.used() + LENGTHS + key.len() + room + ENTRY_BYTES > self.budget {
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
