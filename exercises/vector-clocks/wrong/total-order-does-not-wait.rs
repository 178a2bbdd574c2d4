//! Delivers what is in the queue, in order, without waiting for anybody: each replica has its own order, by what came first.
//! caught-by: total_order::nothing_is_delivered_while_somebody_is_silent

impl<P: Ord + Clone, M: Clone> TotalOrder<P, M> {
    pub fn deliver(&mut self) -> Vec<(Place<P>, M)> {
        std::mem::take(&mut self.queue).into_iter().collect()
    }
}
