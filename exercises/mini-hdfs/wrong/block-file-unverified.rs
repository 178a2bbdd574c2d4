//! Writes what came without a look: a bit that the network flipped is on the disk, with the checksum that says so, and
//! is found when somebody needs it.
//! caught-by: block_file::block_file_refuses_packets_that_do_not_fit

impl BlockFile {
    pub fn write_packet(
        &mut self,
        disk: &mut dyn Disk,
        offset: u64,
        data: &[u8],
        checksums: &[u32],
    ) -> Result<(), BlockFileError> {
        if data.is_empty() {
            return Ok(());
        }
        let end = offset + data.len() as u64;
        let fits = offset.is_multiple_of(CHUNK) && offset <= self.len && end >= self.len;
        if !fits || checksums.len() != data.len().div_ceil(BYTES_PER_CHECKSUM) {
            return Err(self.misplaced("write a packet", offset, "it does not fit".to_owned()));
        }
        disk.write_at(&self.data, offset, data)?;
        let sums: Vec<u8> = checksums.iter().flat_map(|s| s.to_be_bytes()).collect();
        disk.write_at(&self.meta, slot(offset), &sums)?;
        self.len = end;
        Ok(())
    }
}
