//! Takes the wait out of every list, and keeps the lists that are empty then: one for each partition that was ever waited for.
//! caught-by: long_polling::nothing_stays_of_waits_that_ended

impl Purgatory {
    pub fn cancel(&mut self, id: WaitId) {
        for key in self.waiting.remove(&id).unwrap_or_default() {
            if let Some(ids) = self.by_partition.get_mut(&key) {
                ids.remove(&id);
            }
        }
    }
}
