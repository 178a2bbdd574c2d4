//! The map says whether the key was new.

impl OffsetMap {
    pub fn note(&mut self, key: &[u8], offset: i64) {
        if self.latest.insert(key.to_vec(), offset).is_none() {
            self.bytes += ENTRY_BYTES + key.len();
        }
    }

    pub fn is_obsolete(&self, key: &[u8], offset: i64) -> bool {
        match self.latest.get(key) {
            None => false,
            Some(latest) => *latest > offset,
        }
    }
}
