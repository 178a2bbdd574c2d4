//! A key that takes a counter over begins at 1: counts are too low, and a key that comes often may lose its counter again and
//! again to others like it.
//! caught-by: space_saving::space_saving_takes_over_the_lowest_counter

impl SpaceSaving {
    pub fn offer(&mut self, key: &[u8]) {
        self.total = self.total.saturating_add(1);
        let lowest = self.by_count.first().copied();
        let slot = match (self.by_key.get(key), lowest) {
            (Some(slot), _) => *slot,
            (None, Some((count, slot))) if self.counters.len() >= self.capacity => {
                let counter = &mut self.counters[slot];
                self.by_key.remove(&counter.key);
                self.by_count.remove(&(count, slot));
                *counter = Counter {
                    key: key.to_vec(),
                    count: 0,
                    error: 0,
                };
                self.by_key.insert(key.to_vec(), slot);
                slot
            }
            _ => self.insert(Counter {
                key: key.to_vec(),
                count: 0,
                error: 0,
            }),
        };
        let counter = &mut self.counters[slot];
        self.by_count.remove(&(counter.count, slot));
        counter.count = counter.count.saturating_add(1);
        self.by_count.insert((counter.count, slot));
    }
}
