//! A merge looks only at the keys that have a counter here: what is hot in the other stream alone never shows.
//! caught-by: space_saving::a_merge_adds_what_both_have_seen

impl SpaceSaving {
    pub fn merge(&mut self, other: &SpaceSaving) {
        let floor = other.floor();
        let mut merged = self.counters.clone();
        for counter in &mut merged {
            let (count, error) = match other.get(&counter.key) {
                Some(too) => (too.count, too.error),
                None => (floor, floor),
            };
            counter.count += count;
            counter.error += error;
        }
        let total = self.total + other.total;
        self.replace(self.capacity.min(other.capacity), total, merged);
    }
}
