//! The period counts from the end of a pass: on a slow disk with much on it a replica is read every six weeks instead of every
//! three.
//! caught-by: scanner::scanner_begins_the_next_pass_one_period_after_the_last_began

impl VolumeScanner {
    pub fn next(&mut self, replicas: &ReplicaMap, now: Time) -> Next {
        if now < self.not_before {
            return Next::Wait(self.not_before);
        }
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
        let suspect = false;
        if !self.cursor.at_end {
            if let Some(block) = replicas.finalized_after(self.volume, self.cursor.after) {
                return Next::Scan(Scan { block, suspect });
            }
            self.cursor.at_end = true;
            self.cursor.began = now;
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
