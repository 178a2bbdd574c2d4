//! The round that is under way will do: its answers may have been sent before the read came, and a new leader elected since.
//! caught-by: read_index::a_round_sent_before_the_read_says_nothing

impl ReadIndex {
    pub fn ask(&mut self, id: u64, committed: u64) -> bool {
        if committed < self.term_start {
            return false;
        }
        self.waiting.push(Read {
            id,
            index: committed,
            round: self.round,
        });
        true
    }
}
