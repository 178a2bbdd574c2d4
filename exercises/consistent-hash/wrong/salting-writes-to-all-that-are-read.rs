//! Writes go to every sub-key that is read: after a key has cooled down it is never read from fewer again.
//! caught-by: salting::a_read_finds_what_was_written_when_the_key_was_hotter

impl Salting {
    pub fn write_key(&self, key: &[u8], record: u64) -> Vec<u8> {
        let salt = hash_of_record(record) % u64::from(self.reads(key));
        sub_key(key, u16::try_from(salt).unwrap_or(0))
    }
}
