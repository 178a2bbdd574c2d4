//! Before the first entry it begins at the first entry: the first batches of a segment cannot be read.
//! caught-by: index::before_the_first_entry_is_the_beginning

impl OffsetIndex {
    pub fn lookup(&self, relative_offset: u32) -> u32 {
        let behind =
            (self.entries).partition_point(|entry| entry.relative_offset <= relative_offset);
        self.entries
            .get(behind.saturating_sub(1))
            .map_or(0, |entry| entry.position)
    }
}
