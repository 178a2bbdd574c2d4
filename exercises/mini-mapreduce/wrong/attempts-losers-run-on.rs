//! Lets the others go on when one has won: they keep slots busy for nothing, and fail a task that is done.
//! caught-by: attempts::who_is_done_first_wins

impl Task {
    pub fn finish(&mut self, number: u64, worker: WorkerId) -> bool {
        let claim = Winner { number, worker };
        if let Some(winner) = self.winner {
            return winner == claim;
        }
        let counts = self.attempts.get(&number);
        if counts.is_none_or(|attempt| attempt.worker != worker) {
            return false;
        }
        self.attempts.remove(&number);
        self.winner = Some(claim);
        true
    }
}
