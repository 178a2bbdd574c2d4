//! A binary search by hand, between two bounds.

impl OffsetIndex {
    pub fn lookup(&self, relative_offset: u32) -> u32 {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low + (high - low) / 2;
            if self.entries[middle].relative_offset > relative_offset {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        if low == 0 {
            0
        } else {
            self.entries[low - 1].position
        }
    }
}

impl TimeIndex {
    pub fn lookup(&self, timestamp: i64) -> u32 {
        match self
            .entries
            .binary_search_by(|entry| entry.timestamp.cmp(&timestamp))
        {
            Ok(0) | Err(0) => 0,
            Ok(at) | Err(at) => self.entries[at - 1].relative_offset,
        }
    }
}
