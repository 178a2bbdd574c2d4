//! Counts whoever answers: with two learners, a leader without a follower believes that it leads.
//! caught-by: read_index::who_does_not_vote_does_not_confirm

impl ReadIndex {
    pub fn ready(&mut self, applied: u64) -> Vec<u64> {
        let is_ready = |read: &Read| {
            let others = self.answered.iter().filter(|(member, _)| **member != self.me);
            let count = 1 + others.filter(|(_, latest)| **latest >= read.round).count();
            let is_sent = read.round <= self.round;
            is_sent && count > self.voters.len() / 2 && read.index <= applied
        };
        let (ready, waiting): (Vec<Read>, Vec<Read>) = self.waiting.iter().copied().partition(is_ready);
        self.waiting = waiting;
        ready.iter().map(|read| read.id).collect()
    }
}
