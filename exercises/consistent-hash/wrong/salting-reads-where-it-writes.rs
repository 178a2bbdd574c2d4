//! A read asks only for the sub-keys that are written to now: what was written when there were more is not found.
//! caught-by: salting::a_read_finds_what_was_written_when_the_key_was_hotter

impl Salting {
    pub fn read_keys(&self, key: &[u8]) -> Vec<Vec<u8>> {
        (0..self.writes(key))
            .map(|salt| sub_key(key, salt))
            .collect()
    }
}
