//! Answers as soon as it leads: what the last leader committed, and told its clients, may be missing.
//! caught-by: read_index::a_leader_that_has_committed_nothing_in_its_term_does_not_answer

impl ReadIndex {
    pub fn ask(&mut self, id: u64, committed: u64) -> bool {
        self.waiting.push(Read {
            id,
            index: committed,
            round: self.round + 1,
        });
        true
    }
}
