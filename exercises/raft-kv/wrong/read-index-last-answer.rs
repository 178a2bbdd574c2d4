//! The last answer counts, not the latest round: a late one takes back what was confirmed.
//! caught-by: read_index::answers_come_late_and_out_of_order

impl ReadIndex {
    pub fn answer(&mut self, from: MemberId, round: u64) {
        self.answered.insert(from, round);
    }
}
