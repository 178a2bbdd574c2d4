//! Compared by two questions, each answered by looking counts up; merged by building the list anew from a sorted map.

impl<P: Ord> VectorClock<P> {
    pub fn compare(&self, other: &VectorClock<P>) -> Option<Ordering> {
        let knows_all_of =
            |a: &VectorClock<P>, b: &VectorClock<P>| b.iter().all(|(p, count)| a.get(p) >= count);
        match (knows_all_of(self, other), knows_all_of(other, self)) {
            (true, true) => Some(Ordering::Equal),
            (false, true) => Some(Ordering::Less),
            (true, false) => Some(Ordering::Greater),
            (false, false) => None,
        }
    }
}

impl<P: Ord + Clone> VectorClock<P> {
    pub fn tick(&mut self, process: &P) -> u64 {
        let next = self.get(process).saturating_add(1);
        self.entries.retain(|entry| entry.0 != *process);
        self.entries.push((process.clone(), next));
        self.entries.sort_by(|a, b| a.0.cmp(&b.0));
        next
    }

    pub fn merge(&mut self, other: &VectorClock<P>) {
        let mut counts = std::collections::BTreeMap::new();
        for (process, count) in self.entries.drain(..).chain(other.entries.iter().cloned()) {
            let known = counts.entry(process).or_insert(0);
            *known = count.max(*known);
        }
        self.entries.extend(counts);
    }
}
