//! Scans in pieces and forgets where in a piece the damage is: good chunks before it are thrown away.
//! caught-by: block_file::block_file_finds_a_flipped_bit_in_its_chunk

impl BlockFile {
    pub fn valid_len(&self, disk: &dyn Disk) -> Result<u64, BlockFileError> {
        let mut valid = 0;
        while valid < self.len {
            let chunks = self.read(disk, valid, 8 * CHUNK)?;
            if chunks.data.is_empty() || verify(&chunks.data, &chunks.checksums).is_err() {
                break;
            }
            valid += chunks.data.len() as u64;
        }
        Ok(valid)
    }
}
