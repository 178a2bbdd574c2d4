//! Looks whether the member is known, and not which generation it means: one that slept through a rebalance overwrites what the
//! new owner of its partitions has committed.
//! caught-by: offset_commit::a_member_that_was_away_may_not

impl Group {
    fn may_commit(&self, member: &MemberRef) -> Result<(), ErrorCode> {
        let claims_nothing = member.generation < 0 && member.member_id.is_empty();
        match self.state {
            State::Dead => return Err(ErrorCode::CoordinatorNotAvailable),
            State::Empty if member.generation < 0 => return Ok(()),
            _ if claims_nothing && member.instance_id.is_none() => {
                return Err(ErrorCode::UnknownMemberId);
            }
            _ => self.check_member(&member.member_id, member.instance_id.as_deref())?,
        }
        match self.state {
            State::CompletingRebalance => Err(ErrorCode::RebalanceInProgress),
            _ => Ok(()),
        }
    }
}
