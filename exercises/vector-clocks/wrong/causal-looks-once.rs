//! Goes through what waits once: what became next by a delivery behind it stays in the buffer until something else comes.
//! caught-by: causal::a_whole_chain_is_set_free_at_once

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    pub fn receive(&mut self, broadcast: Broadcast<P, M>) -> Vec<Broadcast<P, M>> {
        let (sender, number) = (broadcast.sender.clone(), broadcast.number());
        if number <= self.count(&sender) {
            return Vec::new();
        }
        self.waiting.entry((sender, number)).or_insert(broadcast);
        let keys: Vec<(P, u64)> = self.waiting.keys().cloned().collect();
        let mut delivered = Vec::new();
        for key in keys {
            if self.waiting.get(&key).is_some_and(|waiting| self.is_next(waiting))
                && let Some(next) = self.waiting.remove(&key)
            {
                *self.delivered.entry(next.sender.clone()).or_default() += 1;
                delivered.push(next);
            }
        }
        delivered
    }
}
