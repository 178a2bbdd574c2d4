//! Says that everything up to now is heard also where the watcher begins later: it hears of what it did not ask for.
//! caught-by: watch::the_future_is_waited_for

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
        let (mut events, mut before) = (Vec::new(), 0);
        for (looked_at, (revision, key)) in changes.enumerate() {
            let full = events.len() >= events_max || looked_at / 64 >= events_max;
            if full && revision.main != before {
                let next = revision.main;
                return Ok(EventPage { events, next });
            }
            before = revision.main;
            if range.contains(key) {
                events.extend(self.event(key, revision));
            }
        }
        let next = self.revision + 1;
        Ok(EventPage { events, next })
    }
}
