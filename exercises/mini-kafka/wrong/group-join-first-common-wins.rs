//! Takes the first protocol that all know, in the order of the first member's list: one member decides for all the others.
//! caught-by: group_join::each_votes_for_the_first_that_all_know

impl Group {
    pub fn select_protocol(&self) -> Option<String> {
        let everybody_knows = |name: &str| self.members.values().all(|m| knows(m, name));
        let first = self.members.values().next()?;
        let common = first.protocols.iter().find(|p| everybody_knows(&p.name));
        common.map(|p| p.name.clone())
    }
}
