//! Keeps the last entry that the snapshot stands for.
//! caught-by: truncate::the_beginning_is_dropped

impl Wal {
    pub fn purge(&mut self, upto: Position) -> u64 {
        let number = self.push(&Record::Purge(upto), &[]);
        if self.purged < Some(upto) {
            self.purged = Some(upto);
            self.entries.retain(|entry| entry.position.index >= upto.index);
        }
        number
    }
}
