//! A failed write leaves its bytes: the next batch is written over half of them, or behind them, and recovery cuts it off.
//! caught-by: append::a_failed_write_leaves_no_trace

impl Log {
    pub fn write_batch(&mut self, disk: &mut dyn Disk, batch: &mut [u8]) -> Result<(), LogError> {
        stamp(batch, self.log_end_offset(), self.leader_epoch);
        let header = BatchHeader::read(batch)?;
        let (file, size) = (self.active().file(&self.dir), self.active().size);
        disk.write_at(&file, size, batch)?;
        let interval = self.config.index_interval_bytes;
        self.active_mut().note(&header, interval);
        if header.is_idempotent() {
            self.producers.update(&header);
        }
        Ok(())
    }
}
