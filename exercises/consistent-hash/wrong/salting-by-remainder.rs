//! The salt is the id's remainder: ids that are multiples of the number of sub-keys all go to one.
//! caught-by: salting::a_hot_key_is_spread_whatever_the_ids_are

impl Salting {
    pub fn write_key(&self, key: &[u8], record: u64) -> Vec<u8> {
        let salt = record % u64::from(self.writes(key));
        sub_key(key, u16::try_from(salt).unwrap_or(0))
    }
}
