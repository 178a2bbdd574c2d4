//! Whatever is not too new is next: what was delivered is delivered again when a copy of it comes.
//! caught-by: causal::what_was_delivered_is_not_next

impl<P: Ord + Clone, M: Clone> CausalBroadcast<P, M> {
    pub fn is_next(&self, broadcast: &Broadcast<P, M>) -> bool {
        broadcast.stamp.iter().all(|(process, count)| {
            let own = u64::from(*process == broadcast.sender);
            count <= self.count(process) + own
        })
    }
}
