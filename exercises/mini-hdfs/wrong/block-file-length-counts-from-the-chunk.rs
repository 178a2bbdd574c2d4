//! Counts `len` from the beginning of the first chunk: a range that begins in the middle of a chunk and ends in the next is
//! cut short.
//! caught-by: block_file::block_file_reads_whole_chunks_only

impl BlockFile {
    pub fn read(&self, disk: &dyn Disk, offset: u64, len: u64) -> Result<Chunks, BlockFileError> {
        let start = offset.min(self.len) / CHUNK * CHUNK;
        let end = start.saturating_add(len).min(self.len);
        let end = end.next_multiple_of(CHUNK).min(self.len);
        let data_len = usize::try_from(end - start).unwrap_or(usize::MAX);
        let sums_len = 4 * data_len.div_ceil(BYTES_PER_CHECKSUM);
        let data = disk.read_at(&self.data, start, data_len)?;
        let sums = disk.read_at(&self.meta, slot(start), sums_len)?;
        let (words, _) = sums.as_chunks::<4>();
        Ok(Chunks {
            offset: start,
            data,
            checksums: words.iter().copied().map(u32::from_be_bytes).collect(),
        })
    }
}
