//! Compares terms alone: two candidates get this member's vote in one term, and may both win.
//! caught-by: vote::a_term_has_one_vote

impl Wal {
    pub fn save_vote(&mut self, vote: Vote) -> Result<u64, WalError> {
        if let Some(old) = self.vote
            && vote.term < old.term
        {
            return Err(WalError::VoteTaken { old, new: vote });
        }
        let number = self.push(&Record::Vote(vote), &[]);
        self.vote = Some(vote);
        Ok(number)
    }
}
