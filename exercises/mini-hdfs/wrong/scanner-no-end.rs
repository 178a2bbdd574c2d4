//! That a pass has come to its end is not noted: a replica that is written later, and was checked when it was, is read at once, and
//! on a busy DataNode every one is.
//! caught-by: scanner::scanner_leaves_late_comers_to_the_next_pass

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
        if let Some(block) = replicas.finalized_after(self.volume, self.cursor.after) {
            return Next::Scan(Scan { block, suspect });
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
