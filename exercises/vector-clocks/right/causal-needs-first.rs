//! What is needed of each process is worked out first; the buffer is taken out, sorted into what is next and what is not, and put back,
//! until nothing changes.

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    pub fn is_next(&self, broadcast: &Broadcast<P, M>) -> bool {
        let mut lacks: Vec<(P, u64)> = Vec::new();
        for (process, count) in broadcast.stamp.iter() {
            lacks.extend((self.count(process) + 1..=count).take(2).map(|number| (process.clone(), number)));
        }
        lacks == [(broadcast.sender.clone(), broadcast.number())]
    }

    pub fn receive(&mut self, broadcast: Broadcast<P, M>) -> Vec<Broadcast<P, M>> {
        let key = (broadcast.sender.clone(), broadcast.number());
        if self.count(&key.0) < key.1 {
            self.waiting.insert(key, broadcast);
        }
        let mut delivered = Vec::new();
        let mut goes_on = true;
        while goes_on {
            goes_on = false;
            for (key, broadcast) in std::mem::take(&mut self.waiting) {
                if self.is_next(&broadcast) {
                    self.delivered.insert(key.0, key.1);
                    delivered.push(broadcast);
                    goes_on = true;
                } else {
                    self.waiting.insert(key, broadcast);
                }
            }
        }
        delivered
    }

    pub fn missing(&self) -> BTreeMap<P, u64> {
        let mut needed: BTreeMap<P, u64> = BTreeMap::new();
        for (process, count) in self.waiting.values().flat_map(|broadcast| broadcast.stamp.iter()) {
            let most = needed.entry(process.clone()).or_default();
            *most = count.max(*most);
        }
        let first = |(process, count): (P, u64)| {
            let is_here = |number: &u64| self.waiting.contains_key(&(process.clone(), *number));
            let first = (self.count(&process) + 1..=count).find(|number| !is_here(number))?;
            Some((process, first))
        };
        needed.into_iter().filter_map(first).collect()
    }
}
