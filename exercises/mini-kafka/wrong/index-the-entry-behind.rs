//! Begins at the first entry that is not before the offset: what stands between two entries is never found.
//! caught-by: index::an_offset_is_looked_for_from_the_entry_before_it

impl OffsetIndex {
    pub fn lookup(&self, relative_offset: u32) -> u32 {
        let at = (self.entries).partition_point(|entry| entry.relative_offset < relative_offset);
        self.entries
            .get(at)
            .or(self.entries.last())
            .map_or(0, |entry| entry.position)
    }
}
