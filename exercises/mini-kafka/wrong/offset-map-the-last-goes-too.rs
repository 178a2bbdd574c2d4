//! The last record counts as obsolete by itself: every key is lost.
//! caught-by: offset_map::an_earlier_record_is_obsolete_and_the_last_is_not

impl OffsetMap {
    pub fn is_obsolete(&self, key: &[u8], offset: i64) -> bool {
        self.latest.get(key).is_some_and(|latest| offset <= *latest)
    }
}
