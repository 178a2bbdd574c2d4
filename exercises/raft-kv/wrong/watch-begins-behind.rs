//! Begins behind the revision that was asked for: who goes on where it stopped misses one transaction each time.
//! caught-by: watch::from_a_revision_on

impl Mvcc {
    pub fn events_since(
        &self,
        range: &KeyRange,
        from: i64,
        events_max: usize,
    ) -> Result<EventPage, StoreError> {
        if from < self.compacted {
            return Err(StoreError::Compacted);
        }
        let (mut events, mut before) = (Vec::new(), 0);
        let changes = self.log.iter().filter(|(at, _)| at.main > from);
        for (looked_at, (revision, key)) in changes.enumerate() {
            let full = events.len() >= events_max || looked_at / 64 >= events_max;
            if full && revision.main != before {
                let next = revision.main;
                return Ok(EventPage { events, next });
            }
            before = revision.main;
            if range.contains(key) {
                events.extend(self.event(key, *revision));
            }
        }
        let next = (self.revision + 1).max(from);
        Ok(EventPage { events, next })
    }
}
