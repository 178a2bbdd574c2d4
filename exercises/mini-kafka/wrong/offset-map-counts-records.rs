//! Counts memory for each record: a topic with one key and many records is compacted in small pieces for ever.
//! caught-by: offset_map::memory_is_counted_by_key_and_not_by_record

impl OffsetMap {
    pub fn note(&mut self, key: &[u8], offset: i64) {
        self.bytes += key.len() + ENTRY_BYTES;
        self.latest.insert(key.to_vec(), offset);
    }
}
