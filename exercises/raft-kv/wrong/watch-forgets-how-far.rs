//! Says that all is heard where it has heard of the last event: a page that ended early is never continued.
//! caught-by: watch::the_next_page_goes_on

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
        for (revision, key) in changes {
            if events.len() >= events_max && revision.main != before {
                break;
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
