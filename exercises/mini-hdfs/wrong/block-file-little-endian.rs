//! Stores the checksums in the order of this machine: the tools of the real HDFS, and its DataNodes, find damage everywhere.
//! caught-by: block_file::block_file_has_the_format_of_hdfs

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
        verify(data, checksums).map_err(|at| self.mismatch(offset + at as u64))?;
        disk.write_at(&self.data, offset, data)?;
        let sums: Vec<u8> = checksums.iter().flat_map(|s| s.to_le_bytes()).collect();
        disk.write_at(&self.meta, slot(offset), &sums)?;
        self.len = end;
        Ok(())
    }

    pub fn read(&self, disk: &dyn Disk, offset: u64, len: u64) -> Result<Chunks, BlockFileError> {
        let start = offset.min(self.len) / CHUNK * CHUNK;
        let end = offset.saturating_add(len).min(self.len);
        let end = end.next_multiple_of(CHUNK).min(self.len).max(start);
        let data_len = usize::try_from(end - start).unwrap_or(usize::MAX);
        let sums_len = 4 * data_len.div_ceil(BYTES_PER_CHECKSUM);
        let data = disk.read_at(&self.data, start, data_len)?;
        let sums = disk.read_at(&self.meta, slot(start), sums_len)?;
        let (words, _) = sums.as_chunks::<4>();
        Ok(Chunks {
            offset: start,
            data,
            checksums: words.iter().copied().map(u32::from_le_bytes).collect(),
        })
    }
}
