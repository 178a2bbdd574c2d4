//! Looks at one entry after the other: a read from a large segment costs a walk over its whole index.
//! caught-by: index::a_large_index_is_not_read_from_the_front

impl OffsetIndex {
    pub fn lookup(&self, relative_offset: u32) -> u32 {
        let mut found = 0;
        for entry in &self.entries {
            if std::hint::black_box(entry.relative_offset) <= relative_offset {
                found = std::hint::black_box(entry.position);
            }
        }
        found
    }
}
