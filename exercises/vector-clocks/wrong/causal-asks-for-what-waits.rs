//! Asks for the first that was not delivered, though it has come and waits itself: the same is sent again and again, and what is really
//! missing is asked for last.
//! caught-by: causal::what_waits_is_not_missing

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    pub fn missing(&self) -> BTreeMap<P, u64> {
        let mut missing = BTreeMap::new();
        for broadcast in self.waiting.values() {
            for (process, count) in broadcast.stamp.iter() {
                let next = self.count(process) + 1;
                if next <= count {
                    missing.insert(process.clone(), next);
                }
            }
        }
        missing
    }
}
