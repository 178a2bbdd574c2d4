//! Each rest is added to the last one instead of to the present: after a quiet night the scan reads at full speed until it
//! has caught up, in the morning, when others want the disk.
//! caught-by: scanner::scanner_saves_up_no_idle_time

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
        self.not_before = self.not_before + pause;
    }
}
