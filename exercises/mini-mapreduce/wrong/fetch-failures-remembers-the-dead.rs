//! Keeps what an attempt complained of that counts no more: reduces of a worker whose network broke go on speaking after it was lost.
//! caught-by: fetch_failures::what_counts_no_more_has_not_complained

impl FetchFailures {
    pub fn forget_reduce(&mut self, reduce: AttemptId) {
        let _ = reduce;
        self.counts.retain(|_, complaints| !complaints.is_empty());
    }
}
