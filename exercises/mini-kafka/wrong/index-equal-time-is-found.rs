//! An equal timestamp counts as lower: the search begins at a batch behind the first one with that timestamp, if that was equal too.
//! caught-by: index::an_equal_time_may_have_come_before

impl TimeIndex {
    pub fn lookup(&self, timestamp: i64) -> u32 {
        let behind = self
            .entries
            .partition_point(|entry| entry.timestamp <= timestamp);
        behind
            .checked_sub(1)
            .map_or(0, |at| self.entries[at].relative_offset)
    }
}
