//! Suspects are read whatever was read before them: when a disk begins to fail, all readers complain, and the scan takes
//! the disk from them.
//! caught-by: scanner::scanner_is_bound_by_the_bandwidth_for_suspects_too

impl VolumeScanner {
    pub fn next(&mut self, replicas: &ReplicaMap, now: Time) -> Next {
        while let Some(id) = self.suspects.pop_front() {
            let here = replicas.get(id).filter(|replica| {
                replica.volume == self.volume && replica.state == ReplicaState::Finalized
            });
            if let Some(replica) = here {
                let block = replica.block;
                let suspect = true;
                return Next::Scan(Scan { block, suspect });
            }
        }
        if now < self.not_before {
            return Next::Wait(self.not_before);
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
