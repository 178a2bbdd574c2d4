//! A tablet's own start is looked for in the tablet before it: the first row of each tablet is found nowhere, and the empty key
//! is in none.
//! caught-by: ranges::a_start_belongs_to_its_tablet

impl Table {
    pub fn find(&self, key: &[u8]) -> Option<usize> {
        let behind = self
            .tablets
            .partition_point(|tablet| tablet.start.as_slice() < key);
        behind.checked_sub(1)
    }
}
