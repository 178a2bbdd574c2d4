//! Answers when it is confirmed, whatever is applied: a client does not see its own last write.
//! caught-by: read_index::the_state_machine_has_to_catch_up

impl ReadIndex {
    pub fn ready(&mut self, applied: u64) -> Vec<u64> {
        let _ = applied;
        let confirms = |member: &&MemberId, round| {
            **member == self.me || self.answered.get(member).is_some_and(|latest| *latest >= round)
        };
        let is_ready = |read: &Read| {
            let count = self.voters.iter().filter(|member| confirms(member, read.round)).count();
            read.round <= self.round && count > self.voters.len() / 2
        };
        let (ready, waiting): (Vec<Read>, Vec<Read>) = self.waiting.iter().copied().partition(is_ready);
        self.waiting = waiting;
        ready.iter().map(|read| read.id).collect()
    }
}
