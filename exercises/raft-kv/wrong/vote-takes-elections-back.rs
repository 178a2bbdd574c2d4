//! Forgets that its candidate was elected when an old request for the vote comes again.
//! caught-by: vote::an_election_is_not_taken_back

impl Wal {
    pub fn save_vote(&mut self, vote: Vote) -> Result<u64, WalError> {
        if let Some(old) = self.vote {
            let is_won = vote.elected && !old.elected;
            let is_same = vote.candidate == old.candidate;
            if !(vote.term > old.term || vote.term == old.term && (is_same || is_won)) {
                return Err(WalError::VoteTaken { old, new: vote });
            }
        }
        let number = self.push(&Record::Vote(vote), &[]);
        self.vote = Some(vote);
        Ok(number)
    }
}
