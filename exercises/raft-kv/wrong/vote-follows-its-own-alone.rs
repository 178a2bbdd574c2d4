//! Refuses the leader that others have elected, since its own vote went to somebody else: it is of no use for a whole term.
//! caught-by: vote::whom_others_elected_is_followed

impl Wal {
    pub fn save_vote(&mut self, vote: Vote) -> Result<u64, WalError> {
        if let Some(old) = self.vote {
            let is_same = vote.candidate == old.candidate && vote.elected >= old.elected;
            if !(vote.term > old.term || vote.term == old.term && is_same) {
                return Err(WalError::VoteTaken { old, new: vote });
            }
        }
        let number = self.push(&Record::Vote(vote), &[]);
        self.vote = Some(vote);
        Ok(number)
    }
}
