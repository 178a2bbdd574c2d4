//! Loses with a worker what lies where all can read it: reduces that are done, and committed, are run again.
//! caught-by: attempts::a_done_map_is_lost_with_its_worker

impl Task {
    pub fn lost_with(&self, worker: WorkerId, on_its_worker: bool) -> Lost {
        let _ = on_its_worker;
        let attempts = self.attempts.iter();
        let there = attempts.filter(|(_, attempt)| attempt.worker == worker);
        let winner = self.winner.filter(|winner| winner.worker == worker);
        Lost {
            attempts: there.map(|(number, _)| *number).collect(),
            output: winner.map(|winner| winner.number),
        }
    }
}
