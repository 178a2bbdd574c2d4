//! The checksum covers the whole batch: it breaks as soon as a broker stamps the offset.
//! caught-by: batch_crc::a_batch_is_completed_with_length_and_checksum

pub fn seal(batch: &mut [u8]) {
    let length = i32::try_from(batch.len() - LOG_OVERHEAD).unwrap_or(i32::MAX);
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    batch[17..21].fill(0);
    let crc = crc32c::crc32c(batch);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}
