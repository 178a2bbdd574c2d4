//! Each case by itself, and the attempts that stay are chosen rather than cleared.

impl Task {
    pub fn finish(&mut self, number: u64, worker: WorkerId) -> bool {
        match (self.winner, self.attempts.get(&number)) {
            (Some(winner), _) => winner.number == number && winner.worker == worker,
            (None, Some(attempt)) if attempt.worker == worker => {
                self.winner = Some(Winner { number, worker });
                self.attempts = BTreeMap::new();
                true
            }
            (None, _) => false,
        }
    }

    pub fn fail(&mut self, number: u64, limits: &Limits) -> Failure {
        if !self.attempts.contains_key(&number) {
            return Failure::Late;
        }
        self.failures = self.failures.saturating_add(1);
        let goes_on = self.failures < limits.attempts_max;
        self.attempts.retain(|other, _| goes_on && *other != number);
        if goes_on { Failure::Retry } else { Failure::TooMany }
    }

    pub fn kill(&mut self, number: u64) -> bool {
        let before = self.attempts.len();
        self.attempts.retain(|other, _| *other != number);
        self.attempts.len() < before
    }

    pub fn lost_with(&self, worker: WorkerId, on_its_worker: bool) -> Lost {
        let mut lost = Lost::default();
        for (number, attempt) in &self.attempts {
            if attempt.worker == worker {
                lost.attempts.push(*number);
            }
        }
        match self.winner {
            Some(winner) if winner.worker == worker && on_its_worker => lost.output = Some(winner.number),
            _ => {}
        }
        lost
    }

    pub fn lose_output(&mut self, number: u64) -> bool {
        match self.winner {
            Some(winner) if winner.number == number => {
                self.winner = None;
                true
            }
            _ => false,
        }
    }
}
