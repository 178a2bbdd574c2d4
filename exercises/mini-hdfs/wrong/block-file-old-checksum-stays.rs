//! Cuts both files and leaves the checksum of the chunk that is cut: it is that of the whole chunk, and matches nothing.
//! caught-by: block_file::block_file_is_not_shortened_over_damage

impl BlockFile {
    pub fn truncate(&mut self, disk: &mut dyn Disk, len: u64) -> Result<(), BlockFileError> {
        if len > self.len {
            let reason = "the replica is shorter".to_owned();
            return Err(self.misplaced("truncate", len, reason));
        }
        let kept = len / CHUNK * CHUNK;
        self.read_verified(disk, kept, len - kept)?;
        disk.truncate(&self.data, len)?;
        disk.truncate(&self.meta, slot(len.next_multiple_of(CHUNK)))?;
        self.len = len;
        Ok(())
    }
}
