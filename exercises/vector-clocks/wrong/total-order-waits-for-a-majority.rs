//! A majority that was heard is taken to be enough, as in Raft. But here nobody leads: the silent one may have sent something earlier.
//! caught-by: total_order::nothing_is_delivered_while_somebody_is_silent

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    pub fn deliver(&mut self) -> Vec<(Place<P>, M)> {
        let mut delivered = Vec::new();
        while let Some(first) = self.queue.first_entry() {
            let heard = self.heard.values().filter(|heard| **heard >= first.key().time).count();
            if 2 * (heard + 1) <= self.heard.len() + 1 {
                break;
            }
            delivered.push(first.remove_entry());
        }
        delivered
    }
}
