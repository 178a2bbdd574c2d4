//! Believes the last caller: an older snapshot makes it forget that more had been purged.
//! caught-by: truncate::a_purge_does_not_go_back

impl Wal {
    pub fn purge(&mut self, upto: Position) -> u64 {
        let number = self.push(&Record::Purge(upto), &[]);
        self.purged = Some(upto);
        drop_up_to(&mut self.entries, upto);
        number
    }
}
