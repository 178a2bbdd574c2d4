//! Takes the log apart into transactions first, and counts whole ones.

impl Mvcc {
    pub fn events_since(
        &self,
        range: &KeyRange,
        from: i64,
        events_max: usize,
    ) -> Result<EventPage, StoreError> {
        if self.compacted > from {
            return Err(StoreError::Compacted);
        }
        let mut transactions: BTreeMap<i64, Vec<(Revision, &Bytes)>> = BTreeMap::new();
        for (revision, key) in &self.log {
            if revision.main >= from && range.contains(key) {
                let of_transaction = transactions.entry(revision.main).or_default();
                of_transaction.push((*revision, key));
            }
        }
        let mut events = Vec::new();
        for (main, changes) in transactions {
            if events.len() >= events_max {
                return Ok(EventPage { events, next: main });
            }
            let changes = changes.into_iter();
            events.extend(changes.filter_map(|(revision, key)| self.event(key, revision)));
        }
        let next = from.max(self.revision + 1);
        Ok(EventPage { events, next })
    }
}
