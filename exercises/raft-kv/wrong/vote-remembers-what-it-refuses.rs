//! Remembers first and asks then: what was refused has taken the place of what was promised.
//! caught-by: vote::what_is_refused_leaves_no_trace

impl Wal {
    pub fn save_vote(&mut self, vote: Vote) -> Result<u64, WalError> {
        let old = self.vote.replace(vote);
        let number = self.push(&Record::Vote(vote), &[]);
        if let Some(old) = old {
            let is_same = vote.candidate == old.candidate && vote.elected >= old.elected;
            let is_won = vote.elected && !old.elected;
            if !(vote.term > old.term || vote.term == old.term && (is_same || is_won)) {
                return Err(WalError::VoteTaken { old, new: vote });
            }
        }
        Ok(number)
    }
}
