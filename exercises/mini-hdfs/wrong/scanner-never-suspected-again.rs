//! A replica that was read as a suspect once is never read as one again: the set only grows, and the second complaint, a year
//! later, is not heard.
//! caught-by: scanner::scanner_reads_a_suspect_once

impl VolumeScanner {
    pub fn suspect(&mut self, id: BlockId, now: Time) {
        let _ = now;
        if !self.recent_suspects.contains_key(&id) && !self.suspects.contains(&id) {
            self.suspects.push_back(id);
        }
    }

    pub fn scanned(&mut self, scan: Scan, bytes: u64, began: Time, now: Time) {
        if scan.suspect {
            self.recent_suspects.insert(scan.block.id, now);
        } else {
            self.cursor.after = Some(scan.block.id);
        }
        let micros = u128::from(bytes) * 1_000_000;
        let micros = micros.div_ceil(u128::from(self.config.bytes_per_second.max(1)));
        let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.not_before = began + pause;
    }
}
