//! A suspect is read if the DataNode has any replica of it: one that is being written looks damaged while it is, and one on
//! another volume is looked for where it is not.
//! caught-by: scanner::scanner_drops_suspects_that_are_gone

impl VolumeScanner {
    pub fn next(&mut self, replicas: &ReplicaMap, now: Time) -> Next {
        if now < self.not_before {
            return Next::Wait(self.not_before);
        }
        while let Some(id) = self.suspects.pop_front() {
            if let Some(replica) = replicas.get(id) {
                let block = replica.block;
                let suspect = true;
                return Next::Scan(Scan { block, suspect });
            }
        }
        let suspect = false;
        if !self.cursor.at_end {
            if let Some(block) = replicas.finalized_after(self.volume, self.cursor.after) {
                return Next::Scan(Scan { block, suspect });
            }
            self.cursor.at_end = true;
        }
        let due = self.cursor.began + self.config.period;
        if now < due {
            return Next::Wait(due);
        }
        let first = replicas.finalized_after(self.volume, None);
        self.cursor = Cursor {
            began: now,
            after: None,
            at_end: first.is_none(),
        };
        match first {
            Some(block) => Next::Scan(Scan { block, suspect }),
            None => Next::Wait(now + self.config.period),
        }
    }
}
