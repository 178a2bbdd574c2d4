//! Names a lease that is over once: where the proposal is lost, its keys stay for ever.
//! caught-by: lease::a_lost_revocation_is_proposed_again

impl Lessor {
    pub fn expired(&mut self, now: Time, count_max: usize) -> Vec<LeaseId> {
        let mut over = Vec::new();
        while over.len() < count_max
            && let Some((at, id)) = self.queue.first().copied()
            && at <= now
        {
            self.queue.pop_first();
            over.push(id);
        }
        over
    }
}
