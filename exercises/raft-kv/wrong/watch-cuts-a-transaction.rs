//! Ends a page wherever it is full: half a transaction is sent, and the other half is sent again with all of it, or never.
//! caught-by: watch::a_page_ends_between_revisions

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
        let changes: Box<dyn Iterator<Item = (Revision, &Bytes)>> = if range.is_single() {
            let entry = self.keys.get_key_value(&range.key);
            let of_key = |(key, history)| changes_of(key, history, from);
            Box::new(entry.into_iter().flat_map(of_key))
        } else {
            let first = self.log.partition_point(|(at, _)| at.main < from);
            Box::new(self.log.range(first..).map(|(at, key)| (*at, key)))
        };
        let mut events = Vec::new();
        for (revision, key) in changes {
            if events.len() >= events_max {
                let next = revision.main;
                return Ok(EventPage { events, next });
            }
            if range.contains(key) {
                events.extend(self.event(key, revision));
            }
        }
        let next = (self.revision + 1).max(from);
        Ok(EventPage { events, next })
    }
}
