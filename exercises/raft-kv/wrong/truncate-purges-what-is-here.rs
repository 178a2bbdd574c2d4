//! Remembers the last entry that it dropped, where the snapshot is ahead of the log: the log goes on at the wrong place.
//! caught-by: truncate::a_snapshot_may_be_ahead

impl Wal {
    pub fn purge(&mut self, upto: Position) -> u64 {
        let number = self.push(&Record::Purge(upto), &[]);
        while self.entries.front().is_some_and(|entry| entry.position.index <= upto.index) {
            let dropped = self.entries.pop_front();
            self.purged = dropped.map(|dropped| dropped.position);
        }
        number
    }
}
