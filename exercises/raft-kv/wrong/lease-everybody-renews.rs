//! Renews whether it leads or not, from what it knew when it did: the client hears that it has its lease, and the leader does not know.
//! caught-by: lease::only_the_leader_renews

impl Lessor {
    pub fn renew(&mut self, id: LeaseId, now: Time) -> Result<i64, LessorError> {
        let clock = self.leases.get(&id).filter(|clock| now < clock.expires);
        let ttl_seconds = clock.ok_or(LessorError::NotFound)?.ttl_seconds;
        self.granted(id, ttl_seconds, now);
        Ok(ttl_seconds)
    }
}
