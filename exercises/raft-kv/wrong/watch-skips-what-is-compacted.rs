//! Begins with whatever is left where the beginning is compacted: the watcher misses changes, and nobody tells it.
//! caught-by: watch::what_is_compacted_is_an_error

impl Mvcc {
    pub fn events_since(
        &self,
        range: &KeyRange,
        from: i64,
        events_max: usize,
    ) -> Result<EventPage, StoreError> {
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
        let next = (self.revision + 1).max(from);
        Ok(EventPage { events, next })
    }
}
