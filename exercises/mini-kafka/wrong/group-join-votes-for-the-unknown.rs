//! Counts the first of each member's list, whether the others know it or not: where the winner is known to half of the group,
//! the other half is assigned by a protocol that it cannot read.
//! caught-by: group_join::the_protocol_is_one_that_all_know

impl Group {
    pub fn select_protocol(&self) -> Option<String> {
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(vote) = member.protocols.first() {
                *votes.entry(&vote.name).or_default() += 1;
            }
        }
        let most = votes.into_iter().max_by_key(|(_, count)| *count);
        most.map(|(name, _)| name.to_owned())
    }
}
