//! A merge counts a key of the other summary that has no counter here as new: what may have come before, and was forgotten, is left out.
//! caught-by: space_saving::a_merge_doubts_what_one_of_them_may_have_forgotten

impl SpaceSaving {
    pub fn merge(&mut self, other: &SpaceSaving) {
        let mut merged: BTreeMap<Vec<u8>, (u64, u64)> = BTreeMap::new();
        for counter in self.counters.iter().chain(&other.counters) {
            let sums = merged.entry(counter.key.clone()).or_default();
            sums.0 += counter.count;
            sums.1 += counter.error;
        }
        let mut merged: Vec<Counter> = merged
            .into_iter()
            .map(|(key, (count, error))| Counter { key, count, error })
            .collect();
        merged.sort_by_key(|counter| std::cmp::Reverse(counter.count));
        let capacity = self.capacity.min(other.capacity);
        merged.truncate(capacity);
        let total = self.total + other.total;
        self.replace(capacity, total, merged);
    }
}
