//! Takes the work of an attempt whose lease is over, if nobody else has won: the worker may have been told to drop it.
//! caught-by: attempts::who_counts_no_more_cannot_win

impl Task {
    pub fn finish(&mut self, number: u64, worker: WorkerId) -> bool {
        let claim = Winner { number, worker };
        if let Some(winner) = self.winner {
            return winner == claim;
        }
        let here = self.attempts.get(&number);
        if number >= self.next || here.is_some_and(|attempt| attempt.worker != worker) {
            return false;
        }
        self.winner = Some(claim);
        self.attempts.clear();
        true
    }
}
