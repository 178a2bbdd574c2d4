//! Notes the header as the producer sent it, before it was stamped: the next batch gets the same offset again.
//! caught-by: append::each_batch_stands_behind_the_last

impl Log {
    pub fn write_batch(&mut self, disk: &mut dyn Disk, batch: &mut [u8]) -> Result<(), LogError> {
        let header = BatchHeader::read(batch)?;
        stamp(batch, self.log_end_offset(), self.leader_epoch);
        let (file, size) = (self.active().file(&self.dir), self.active().size);
        if let Err(error) = disk.write_at(&file, size, batch) {
            disk.truncate(&file, size)?;
            return Err(error.into());
        }
        let interval = self.config.index_interval_bytes;
        self.active_mut().note(&header, interval);
        if header.is_idempotent() {
            self.producers.update(&header);
        }
        Ok(())
    }
}
