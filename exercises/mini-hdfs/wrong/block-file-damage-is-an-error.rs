//! Gives up at the first damage instead of saying how far the replica is good: after a crash nothing of it can be saved.
//! caught-by: block_file::block_file_finds_a_flipped_bit_in_its_chunk

impl BlockFile {
    pub fn valid_len(&self, disk: &dyn Disk) -> Result<u64, BlockFileError> {
        Ok(self.read_verified(disk, 0, self.len)?.len() as u64)
    }
}
