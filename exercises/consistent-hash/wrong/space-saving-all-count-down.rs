//! Misra and Gries's algorithm: a key without a counter counts all others down. Its counts are too low instead of too high, and here
//! they are said to have no error.
//! caught-by: space_saving::space_saving_takes_over_the_lowest_counter

impl SpaceSaving {
    pub fn offer(&mut self, key: &[u8]) {
        self.total = self.total.saturating_add(1);
        let mut counters = self.counters.clone();
        match self.by_key.get(key) {
            Some(slot) => counters[*slot].count += 1,
            None if counters.len() < self.capacity => counters.push(Counter {
                key: key.to_vec(),
                count: 1,
                error: 0,
            }),
            None => {
                for counter in &mut counters {
                    counter.count -= 1;
                }
                counters.retain(|counter| counter.count > 0);
            }
        }
        self.replace(self.capacity, self.total, counters);
    }
}
