//! A copy of what was delivered is put into the buffer like anything else; it is never next again, and stays there for ever.
//! caught-by: causal::a_copy_is_dropped

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    pub fn receive(&mut self, broadcast: Broadcast<P, M>) -> Vec<Broadcast<P, M>> {
        let key = (broadcast.sender.clone(), broadcast.number());
        self.waiting.insert(key, broadcast);
        let mut delivered = Vec::new();
        loop {
            let mut waiting = self.waiting.iter();
            let Some((key, _)) = waiting.find(|(_, broadcast)| self.is_next(broadcast)) else {
                return delivered;
            };
            let key = key.clone();
            if let Some(next) = self.waiting.remove(&key) {
                *self.delivered.entry(next.sender.clone()).or_default() += 1;
                delivered.push(next);
            }
        }
    }
}
