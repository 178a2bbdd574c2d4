//! Keeps the first offset of each key: compaction throws away the new values and keeps the old.
//! caught-by: offset_map::an_earlier_record_is_obsolete_and_the_last_is_not

impl OffsetMap {
    pub fn note(&mut self, key: &[u8], offset: i64) {
        if !self.latest.contains_key(key) {
            self.bytes += key.len() + ENTRY_BYTES;
            self.latest.insert(key.to_vec(), offset);
        }
    }
}
