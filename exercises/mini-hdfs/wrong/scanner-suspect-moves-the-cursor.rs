//! A suspect moves the cursor like any other replica: everything between is not read in this pass, or is read twice.
//! caught-by: scanner::scanner_keeps_its_place_while_it_reads_a_suspect

impl VolumeScanner {
    pub fn scanned(&mut self, scan: Scan, bytes: u64, began: Time, now: Time) {
        if scan.suspect {
            self.recent_suspects
                .retain(|_, at| now.since(*at) < SUSPECT_PAUSE);
            self.recent_suspects.insert(scan.block.id, now);
        }
        self.cursor.after = Some(scan.block.id);
        let micros = u128::from(bytes) * 1_000_000;
        let micros = micros.div_ceil(u128::from(self.config.bytes_per_second.max(1)));
        let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.not_before = began + pause;
    }
}
