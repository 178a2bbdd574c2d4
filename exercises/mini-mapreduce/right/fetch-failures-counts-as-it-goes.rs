//! Looks at what there is, and counts both in one loop.

impl FetchFailures {
    pub fn complain(&mut self, failure: &FetchFailure, counting: u64, shuffling: u32) -> bool {
        let FetchFailure { reduce, map, failures } = *failure;
        if map.number == counting {
            let of_map = self.counts.entry(map).or_default();
            match of_map.get(&reduce) {
                Some(known) if *known >= failures => {}
                _ => {
                    of_map.insert(reduce, failures);
                }
            }
            let (mut all, mut reduces) = (0_u64, 0_u64);
            for total in of_map.values() {
                all += u64::from(*total);
                reduces += 1;
            }
            return all >= u64::from(FAILURES_MIN) && reduces >= u64::from(shuffling.div_ceil(2));
        }
        false
    }

    pub fn forget_map(&mut self, map: AttemptId) {
        self.counts.retain(|other, _| *other != map);
    }

    pub fn forget_reduce(&mut self, reduce: AttemptId) {
        for complaints in self.counts.values_mut() {
            complaints.retain(|other, _| *other != reduce);
        }
        self.counts.retain(|_, complaints| !complaints.is_empty());
    }
}
