//! Keeps the vote in memory alone: after a restart the member votes once more.
//! caught-by: vote::a_vote_is_there_after_a_restart

impl Wal {
    pub fn save_vote(&mut self, vote: Vote) -> Result<u64, WalError> {
        if let Some(old) = self.vote {
            let is_same = vote.candidate == old.candidate && vote.elected >= old.elected;
            let is_won = vote.elected && !old.elected;
            if !(vote.term > old.term || vote.term == old.term && (is_same || is_won)) {
                return Err(WalError::VoteTaken { old, new: vote });
            }
        }
        self.vote = Some(vote);
        Ok(self.last_record)
    }
}
