//! A match on what there is and what comes.

impl Wal {
    pub fn save_vote(&mut self, vote: Vote) -> Result<u64, WalError> {
        let is_allowed = match self.vote {
            None => true,
            Some(old) if old.term != vote.term => old.term < vote.term,
            Some(Vote { candidate, elected: true, .. }) => vote.elected && vote.candidate == candidate,
            Some(Vote { candidate, .. }) => vote.elected || vote.candidate == candidate,
        };
        match self.vote {
            Some(old) if !is_allowed => return Err(WalError::VoteTaken { old, new: vote }),
            _ => {}
        }
        let number = self.push(&Record::Vote(vote), &[]);
        self.vote = Some(vote);
        Ok(number)
    }
}
