//! The salt comes from the key instead of the record: all records of the hot key go to one sub-key, only another one.
//! caught-by: salting::a_hot_key_is_written_to_all_of_its_sub_keys_alike

impl Salting {
    pub fn write_key(&self, key: &[u8], record: u64) -> Vec<u8> {
        let _ = record;
        let salt = hash::key(0, key) % u64::from(self.writes(key));
        sub_key(key, u16::try_from(salt).unwrap_or(0))
    }
}
