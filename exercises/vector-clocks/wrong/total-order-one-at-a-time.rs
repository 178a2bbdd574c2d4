//! Delivers at most one message: the others stay although they are due, and if nothing more comes they stay for ever.
//! caught-by: total_order::all_that_are_due_are_delivered_in_order

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    pub fn deliver(&mut self) -> Vec<(Place<P>, M)> {
        let mut delivered = Vec::new();
        if let Some(first) = self.queue.first_entry()
            && self.heard.values().all(|heard| *heard >= first.key().time)
        {
            delivered.push(first.remove_entry());
        }
        delivered
    }
}
