//! Three questions, one after the other; and a batch is written by a closure whose failure is looked at once.

impl Segment {
    pub fn should_roll(
        &self,
        config: &LogConfig,
        size: usize,
        last_offset: i64,
        max_timestamp: i64,
        now: Time,
    ) -> bool {
        if self.size == 0 {
            return false;
        }
        if last_offset - self.base_offset > 0x7fff_ffff {
            return true;
        }
        let after = i128::from(self.size) + size as i128;
        if after > i128::from(config.segment_bytes) {
            return true;
        }
        let (from, to) = match self.first_timestamp {
            Some(first) if max_timestamp >= 0 => (first, max_timestamp),
            _ => (now_ms(self.created), now_ms(now)),
        };
        i128::from(to) - i128::from(from) > i128::from(config.segment_age_ms_max())
    }
}

impl Log {
    pub fn write_batch(&mut self, disk: &mut dyn Disk, batch: &mut [u8]) -> Result<(), LogError> {
        let end = self.end();
        stamp(batch, end.offset, self.leader_epoch);
        let header = BatchHeader::read(batch)?;
        let file = files::path(&self.dir, end.segment, files::LOG);
        let written = disk.write_at(&file, end.position, batch);
        if written.is_err() {
            disk.truncate(&file, end.position)?;
        }
        written?;
        if header.is_idempotent() {
            self.producers.update(&header);
        }
        let interval = self.config.index_interval_bytes;
        self.active_mut().note(&header, interval);
        Ok(())
    }
}
