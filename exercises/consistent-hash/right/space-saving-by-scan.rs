//! Every step looks through all counters, and begins anew with a changed list; a merge sorts keys first.

impl SpaceSaving {
    pub fn offer(&mut self, key: &[u8]) {
        let mut counters = self.counters.clone();
        if let Some(counter) = counters.iter_mut().find(|c| c.key == key) {
            counter.count += 1;
        } else if counters.len() < self.capacity {
            let first = Counter {
                key: key.to_vec(),
                count: 1,
                error: 0,
            };
            counters.insert(0, first);
        } else {
            // Of equal counts the last one, where the reference takes the first.
            let lowest = counters.iter_mut().rev().min_by_key(|c| c.count);
            if let Some(lowest) = lowest {
                *lowest = Counter {
                    key: key.to_vec(),
                    count: lowest.count + 1,
                    error: lowest.count,
                };
            }
        }
        self.replace(self.capacity, self.total + 1, counters);
    }

    pub fn merge(&mut self, other: &SpaceSaving) {
        let sides = [&*self, other];
        let keys: BTreeSet<&Vec<u8>> = sides.iter().flat_map(|s| s.by_key.keys()).collect();
        let bounds = |key: &Vec<u8>| {
            let both = sides.map(|side| match side.get(key) {
                Some(counter) => (counter.count, counter.error),
                None => (side.floor(), side.floor()),
            });
            (both[0].0 + both[1].0, both[0].1 + both[1].1)
        };
        let mut ranked: Vec<(u64, u64, &Vec<u8>)> = keys
            .into_iter()
            .map(|key| (bounds(key).0, bounds(key).1, key))
            .collect();
        ranked.sort();
        let capacity = self.capacity.min(other.capacity);
        let kept = ranked.iter().rev().take(capacity);
        let merged = kept.map(|(count, error, key)| Counter {
            key: (*key).clone(),
            count: *count,
            error: *error,
        });
        let (merged, total) = (merged.collect(), self.total + other.total);
        self.replace(capacity, total, merged);
    }
}
