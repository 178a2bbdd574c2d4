//! Tells a member that has to join again so, and does not note that it lives: one that is slow to join is declared dead
//! although it sends heartbeats.
//! caught-by: group_sync::a_heartbeat_tells_who_has_to_join_again

impl Coordinator {
    pub fn heartbeat(&mut self, member: &MemberRef, now: Time) -> Result<(), ErrorCode> {
        if member.group_id.is_empty() {
            return Err(ErrorCode::InvalidGroupId);
        }
        let group = self.groups.get_mut(&member.group_id);
        let group = group.ok_or(ErrorCode::UnknownMemberId)?;
        group.check_generation(member)?;
        match group.state {
            State::PreparingRebalance => Err(ErrorCode::RebalanceInProgress),
            State::Empty => Err(ErrorCode::UnknownMemberId),
            _ => {
                group.heard_of(&member.member_id, now);
                Ok(())
            }
        }
    }
}
