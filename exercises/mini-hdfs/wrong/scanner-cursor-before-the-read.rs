//! The cursor moves when a replica is handed out, not when it has been read: what a crash cuts short, and whatever made the machine
//! crash, is skipped for three weeks.
//! caught-by: scanner::scanner_does_not_skip_what_it_has_not_finished

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
                self.cursor.after = Some(block.id);
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
            after: first.map(|block| block.id),
            at_end: first.is_none(),
        };
        match first {
            Some(block) => Next::Scan(Scan { block, suspect }),
            None => Next::Wait(now + self.config.period),
        }
    }

    pub fn scanned(&mut self, scan: Scan, bytes: u64, began: Time, now: Time) {
        if scan.suspect {
            self.recent_suspects
                .retain(|_, at| now.since(*at) < SUSPECT_PAUSE);
            self.recent_suspects.insert(scan.block.id, now);
        }
        let micros = u128::from(bytes) * 1_000_000;
        let micros = micros.div_ceil(u128::from(self.config.bytes_per_second.max(1)));
        let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.not_before = began + pause;
    }
}
