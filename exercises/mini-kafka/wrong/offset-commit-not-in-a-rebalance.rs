//! Refuses commits while members are gathered. That is when they come: who gives up partitions first commits what it has read of
//! them, and what is not committed is read again by the next owner.
//! caught-by: offset_commit::a_member_of_this_generation_may_commit

impl Group {
    fn may_commit(&self, member: &MemberRef) -> Result<(), ErrorCode> {
        let claims_nothing = member.generation < 0 && member.member_id.is_empty();
        match self.state {
            State::Dead => return Err(ErrorCode::CoordinatorNotAvailable),
            State::Empty if member.generation < 0 => return Ok(()),
            _ if claims_nothing && member.instance_id.is_none() => {
                return Err(ErrorCode::UnknownMemberId);
            }
            _ => self.check_generation(member)?,
        }
        match self.state {
            State::PreparingRebalance | State::CompletingRebalance => Err(ErrorCode::RebalanceInProgress),
            _ => Ok(()),
        }
    }
}
