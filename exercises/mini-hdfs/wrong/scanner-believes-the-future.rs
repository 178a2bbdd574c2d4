//! A cursor is believed whatever it says: after the clock was wrong by a year, nothing is read for a year.
//! caught-by: scanner::scanner_does_not_believe_a_cursor_from_the_future

impl VolumeScanner {
    pub fn resume(
        volume: VolumeId,
        config: ScanConfig,
        saved: Option<Cursor>,
        now: Time,
    ) -> VolumeScanner {
        let fresh = Cursor {
            began: now,
            ..Cursor::default()
        };
        VolumeScanner {
            volume,
            config,
            cursor: saved.unwrap_or(fresh),
            suspects: VecDeque::new(),
            recent_suspects: BTreeMap::new(),
            not_before: now,
        }
    }
}
