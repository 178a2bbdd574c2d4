//! The key that is forgotten stays in the index: when it comes again it is counted in the counter of the key that took it over.
//! caught-by: space_saving::space_saving_goes_on_from_the_count_that_it_took_over

impl SpaceSaving {
    pub fn offer(&mut self, key: &[u8]) {
        self.total = self.total.saturating_add(1);
        let lowest = self.by_count.first().copied();
        let slot = match (self.by_key.get(key), lowest) {
            (Some(slot), _) => *slot,
            (None, Some((count, slot))) if self.counters.len() >= self.capacity => {
                let counter = &mut self.counters[slot];
                (counter.key, counter.error) = (key.to_vec(), count);
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
