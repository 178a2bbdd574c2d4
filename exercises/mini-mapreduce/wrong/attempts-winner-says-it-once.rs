//! Tells a winner that asks again that its work does not count: it drops what everybody counts on.
//! caught-by: attempts::the_winner_may_say_it_again

impl Task {
    pub fn finish(&mut self, number: u64, worker: WorkerId) -> bool {
        let counts = self.attempts.get(&number);
        if counts.is_none_or(|attempt| attempt.worker != worker) {
            return false;
        }
        self.winner = Some(Winner { number, worker });
        self.attempts.clear();
        true
    }
}
