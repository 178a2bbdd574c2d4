//! Counts the chunks that match, those behind the damage too: the replica is cut behind damage, and its end is lost.
//! caught-by: block_file::block_file_finds_a_flipped_bit_in_its_chunk

impl BlockFile {
    pub fn valid_len(&self, disk: &dyn Disk) -> Result<u64, BlockFileError> {
        let mut valid = 0;
        let chunks = self.read(disk, 0, self.len)?;
        for (chunk, sum) in chunks
            .data
            .chunks(BYTES_PER_CHECKSUM)
            .zip(&chunks.checksums)
        {
            if verify(chunk, &[*sum]).is_ok() {
                valid += chunk.len() as u64;
            }
        }
        Ok(valid)
    }
}
