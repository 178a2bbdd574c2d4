//! The error of the key that is forgotten is added to: it says nothing about the new key, and grows above N / k.
//! caught-by: space_saving::space_saving_keeps_its_bounds_on_any_stream

impl SpaceSaving {
    pub fn offer(&mut self, key: &[u8]) {
        self.total = self.total.saturating_add(1);
        let lowest = self.by_count.first().copied();
        let slot = match (self.by_key.get(key), lowest) {
            (Some(slot), _) => *slot,
            (None, Some((count, slot))) if self.counters.len() >= self.capacity => {
                let counter = &mut self.counters[slot];
                self.by_key.remove(&counter.key);
                counter.key = key.to_vec();
                counter.error += count;
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
