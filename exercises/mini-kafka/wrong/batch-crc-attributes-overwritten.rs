//! Sets the attributes instead of one bit of them: a compressed batch says that it is not.
//! caught-by: batch_crc::the_time_of_appending_is_one_bit

pub fn stamp_max_timestamp(batch: &mut [u8], max_timestamp: i64, log_append_time: bool) {
    batch[35..43].copy_from_slice(&max_timestamp.to_be_bytes());
    batch[21..23].copy_from_slice(&(i16::from(log_append_time) << 3).to_be_bytes());
    seal(batch);
}
