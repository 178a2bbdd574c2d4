//! The saved cursor is not used: a DataNode that is restarted every week never reads the rest of its disk.
//! caught-by: scanner::scanner_goes_on_where_it_was

impl VolumeScanner {
    pub fn resume(
        volume: VolumeId,
        config: ScanConfig,
        saved: Option<Cursor>,
        now: Time,
    ) -> VolumeScanner {
        let _ = saved;
        let fresh = Cursor {
            began: now,
            ..Cursor::default()
        };
        VolumeScanner {
            volume,
            config,
            cursor: fresh,
            suspects: VecDeque::new(),
            recent_suspects: BTreeMap::new(),
            not_before: now,
        }
    }
}
