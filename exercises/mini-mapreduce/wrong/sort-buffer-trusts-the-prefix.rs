//! Compares the first eight bytes alone: keys that begin alike are mixed, and a reduce sees a key twice.
//! caught-by: sort_buffer::keys_that_begin_alike_are_told_apart

impl SortBuffer {
    pub fn sort(&mut self) {
        self.entries.sort_by_key(|entry| (entry.partition, entry.prefix));
    }
}
