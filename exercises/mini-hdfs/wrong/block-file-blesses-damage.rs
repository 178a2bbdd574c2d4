//! Computes the checksum of what is left without having checked the chunk: damage becomes good by being cut.
//! caught-by: block_file::block_file_is_not_shortened_over_damage

impl BlockFile {
    pub fn truncate(&mut self, disk: &mut dyn Disk, len: u64) -> Result<(), BlockFileError> {
        if len > self.len {
            let reason = "the replica is shorter".to_owned();
            return Err(self.misplaced("truncate", len, reason));
        }
        let kept = len / CHUNK * CHUNK;
        disk.truncate(&self.data, len)?;
        disk.truncate(&self.meta, slot(len.next_multiple_of(CHUNK)))?;
        let last = disk.read_at(&self.data, kept, BYTES_PER_CHECKSUM)?;
        for sum in crate::packet::checksums(&last) {
            disk.write_at(&self.meta, slot(kept), &sum.to_be_bytes())?;
        }
        self.len = len;
        Ok(())
    }
}
