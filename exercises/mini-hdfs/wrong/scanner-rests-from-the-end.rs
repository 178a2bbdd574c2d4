//! The rest begins when the reading ends: a replica that took its time to read is paid for twice, and the scan is half as fast
//! as it may be.
//! caught-by: scanner::scanner_rests_after_what_it_has_read

impl VolumeScanner {
    pub fn scanned(&mut self, scan: Scan, bytes: u64, began: Time, now: Time) {
        let _ = began;
        if scan.suspect {
            self.recent_suspects
                .retain(|_, at| now.since(*at) < SUSPECT_PAUSE);
            self.recent_suspects.insert(scan.block.id, now);
        } else {
            self.cursor.after = Some(scan.block.id);
        }
        let micros = u128::from(bytes) * 1_000_000;
        let micros = micros.div_ceil(u128::from(self.config.bytes_per_second.max(1)));
        let pause = Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX));
        self.not_before = now + pause;
    }
}
