//! Cutting off the torn batch fails, and nobody hears of it: the log goes on with garbage in its middle.
//! caught-by: append::a_failed_clean_up_is_reported

impl Log {
    pub fn write_batch(&mut self, disk: &mut dyn Disk, batch: &mut [u8]) -> Result<(), LogError> {
        stamp(batch, self.log_end_offset(), self.leader_epoch);
        let header = BatchHeader::read(batch)?;
        let (file, size) = (self.active().file(&self.dir), self.active().size);
        if disk.write_at(&file, size, batch).is_err() {
            let _ = disk.truncate(&file, size);
            let full = node::DiskErrorKind::Full;
            return Err(LogError::Disk(DiskError::new("write", &file, full)));
        }
        let interval = self.config.index_interval_bytes;
        self.active_mut().note(&header, interval);
        if header.is_idempotent() {
            self.producers.update(&header);
        }
        Ok(())
    }
}
