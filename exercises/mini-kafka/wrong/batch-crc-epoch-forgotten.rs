//! Stamps the offset only: the batch bears the epoch that its producer wrote there, -1, and nobody can tell who appended it.
//! caught-by: batch_crc::offsets_are_stamped_and_the_rest_stays

pub fn stamp(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    let _ = leader_epoch;
    batch[..8].copy_from_slice(&base_offset.to_be_bytes());
}
