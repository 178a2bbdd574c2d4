//! Salts begin at 1 in a read and at 0 in a write: an nth of the records is not found, and an empty sub-key is asked for.
//! caught-by: salting::a_cold_key_has_one_place

impl Salting {
    pub fn read_keys(&self, key: &[u8]) -> Vec<Vec<u8>> {
        (1..=self.reads(key))
            .map(|salt| sub_key(key, salt))
            .collect()
    }
}
