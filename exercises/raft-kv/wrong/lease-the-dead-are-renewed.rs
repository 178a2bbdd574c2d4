//! Renews a lease that is over: its revocation may be in the log already, and its holder believes that it has it.
//! caught-by: lease::what_is_over_is_not_renewed

impl Lessor {
    pub fn renew(&mut self, id: LeaseId, now: Time) -> Result<i64, LessorError> {
        if !self.primary {
            return Err(LessorError::NotPrimary);
        }
        let clock = self.leases.get(&id).ok_or(LessorError::NotFound)?;
        let ttl_seconds = clock.ttl_seconds;
        self.granted(id, ttl_seconds, now);
        Ok(ttl_seconds)
    }
}
