//! The rest is rounded down, in milliseconds: small replicas cost nothing, and a volume full of them is read as fast as it
//! can be.
//! caught-by: scanner::scanner_rounds_a_rest_up

impl VolumeScanner {
    pub fn scanned(&mut self, scan: Scan, bytes: u64, began: Time, now: Time) {
        if scan.suspect {
            self.recent_suspects
                .retain(|_, at| now.since(*at) < SUSPECT_PAUSE);
            self.recent_suspects.insert(scan.block.id, now);
        } else {
            self.cursor.after = Some(scan.block.id);
        }
        let micros = u128::from(bytes) * 1000;
        let micros = micros / u128::from(self.config.bytes_per_second.max(1));
        let pause = Duration::from_millis(u64::try_from(micros).unwrap_or(u64::MAX));
        self.not_before = began + pause;
    }
}
