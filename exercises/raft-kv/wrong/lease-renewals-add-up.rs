//! Adds a TTL to what is left: who says each second that it lives has a lease for hours when it dies.
//! caught-by: lease::a_renewed_lease_lasts_from_then_on

impl Lessor {
    pub fn renew(&mut self, id: LeaseId, now: Time) -> Result<i64, LessorError> {
        if !self.primary {
            return Err(LessorError::NotPrimary);
        }
        let clock = self.leases.get(&id).filter(|clock| now < clock.expires);
        let clock = *clock.ok_or(LessorError::NotFound)?;
        self.granted(id, clock.ttl_seconds, clock.expires);
        Ok(clock.ttl_seconds)
    }
}
