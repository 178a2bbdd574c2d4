//! A key that does not stand in the dirty part is obsolete: what has not changed since the last pass is lost.
//! caught-by: offset_map::a_key_that_is_not_there_makes_nothing_obsolete

impl OffsetMap {
    pub fn is_obsolete(&self, key: &[u8], offset: i64) -> bool {
        self.latest.get(key).is_none_or(|latest| offset < *latest)
    }
}
