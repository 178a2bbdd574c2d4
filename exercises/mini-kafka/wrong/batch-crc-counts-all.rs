//! The length counts the whole batch: a reader looks for the next one twelve bytes too far.
//! caught-by: batch_crc::a_batch_is_completed_with_length_and_checksum

pub fn seal(batch: &mut [u8]) {
    let length = i32::try_from(batch.len()).unwrap_or(i32::MAX);
    batch[8..12].copy_from_slice(&length.to_be_bytes());
    let crc = crc32c::crc32c(&batch[21..]);
    batch[17..21].copy_from_slice(&crc.to_be_bytes());
}
