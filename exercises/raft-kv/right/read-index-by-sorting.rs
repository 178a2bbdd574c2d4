//! Sorts what the voters have answered: the round in the middle is the last one that a majority has confirmed.

impl ReadIndex {
    pub fn ask(&mut self, id: u64, committed: u64) -> bool {
        let knows_what_is_committed = committed >= self.term_start;
        if knows_what_is_committed {
            let round = self.round + 1;
            self.waiting.push(Read { id, index: committed, round });
        }
        knows_what_is_committed
    }

    pub fn answer(&mut self, from: MemberId, round: u64) {
        if self.answered.get(&from).is_none_or(|latest| *latest < round) {
            self.answered.insert(from, round);
        }
    }

    pub fn ready(&mut self, applied: u64) -> Vec<u64> {
        let answered = |member: &MemberId| match *member == self.me {
            true => self.round,
            false => self.answered.get(member).copied().unwrap_or(0),
        };
        let mut rounds: Vec<u64> = self.voters.iter().map(answered).collect();
        rounds.sort_unstable_by(|a, b| b.cmp(a));
        let confirmed = rounds.get(rounds.len() / 2).copied().unwrap_or(0);
        let mut ready = Vec::new();
        self.waiting.retain(|read| {
            let is_ready = read.round <= confirmed && read.index <= applied;
            if is_ready {
                ready.push(read.id);
            }
            !is_ready
        });
        ready
    }
}
