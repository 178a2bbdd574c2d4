//! Keeps the checksum of a chunk of which no byte is left, where the cut is between two chunks: the files do not fit to each other.
//! caught-by: block_file::block_file_is_cut_between_chunks

impl BlockFile {
    pub fn truncate(&mut self, disk: &mut dyn Disk, len: u64) -> Result<(), BlockFileError> {
        if len > self.len {
            let reason = "the replica is shorter".to_owned();
            return Err(self.misplaced("truncate", len, reason));
        }
        let kept = len / CHUNK * CHUNK;
        let mut last = self.read_verified(disk, kept, len - kept)?;
        last.truncate(usize::try_from(len - kept).unwrap_or(0));
        disk.truncate(&self.data, len)?;
        disk.truncate(&self.meta, slot(kept) + 4)?;
        if let [sum] = crate::packet::checksums(&last)[..] {
            disk.write_at(&self.meta, slot(kept), &sum.to_be_bytes())?;
        }
        self.len = len;
        Ok(())
    }
}
