//! Whoever is done last wins: reduces that have fetched from the first one fetch from the second one too.
//! caught-by: attempts::who_is_late_changes_nothing

impl Task {
    pub fn finish(&mut self, number: u64, worker: WorkerId) -> bool {
        self.winner = Some(Winner { number, worker });
        self.attempts.clear();
        true
    }
}
