//! The suspect that was named last is read first: while new ones come, the first never is.
//! caught-by: scanner::scanner_reads_suspects_first

impl VolumeScanner {
    pub fn next(&mut self, replicas: &ReplicaMap, now: Time) -> Next {
        if now < self.not_before {
            return Next::Wait(self.not_before);
        }
        while let Some(id) = self.suspects.pop_back() {
            let here = replicas.get(id).filter(|replica| {
                replica.volume == self.volume && replica.state == ReplicaState::Finalized
            });
            if let Some(replica) = here {
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
