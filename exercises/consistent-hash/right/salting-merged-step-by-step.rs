//! A merge of lists, head by head; the salt is the upper part of a product of the hash, which needs no division; sub-keys are named from
//! the last one.

impl Salting {
    pub fn write_key(&self, key: &[u8], record: u64) -> Vec<u8> {
        let wide = u128::from(hash_of_record(record)) * u128::from(self.writes(key));
        sub_key(key, u16::try_from(wide >> 64).unwrap_or(0))
    }

    pub fn read_keys(&self, key: &[u8]) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let mut salt = self.reads(key);
        while salt > 0 {
            salt -= 1;
            keys.push(sub_key(key, salt));
        }
        keys
    }
}

pub fn gather(parts: &[Vec<Record>]) -> Vec<Record> {
    let mut heads = vec![0; parts.len()];
    let mut gathered: Vec<Record> = Vec::new();
    loop {
        let at_head = parts
            .iter()
            .zip(&heads)
            .filter_map(|(part, at)| part.get(*at));
        let Some(id) = at_head.map(|record| record.id).min() else {
            return gathered;
        };
        let mut newest: Option<&Record> = None;
        for (part, at) in parts.iter().zip(&mut heads) {
            if let Some(record) = part.get(*at).filter(|record| record.id == id) {
                *at += 1;
                if newest.is_none_or(|known| known.version < record.version) {
                    newest = Some(record);
                }
            }
        }
        gathered.extend(newest.cloned());
    }
}
