//! Writes the timestamp and leaves the checksum: every consumer refuses the batch as damaged.
//! caught-by: batch_crc::a_timestamp_is_stamped_and_covered

pub fn stamp_max_timestamp(batch: &mut [u8], max_timestamp: i64, log_append_time: bool) {
    batch[35..43].copy_from_slice(&max_timestamp.to_be_bytes());
    let bits = i16::from_be_bytes([batch[21], batch[22]]) & !8;
    let bits = if log_append_time { bits | 8 } else { bits };
    batch[21..23].copy_from_slice(&bits.to_be_bytes());
}
