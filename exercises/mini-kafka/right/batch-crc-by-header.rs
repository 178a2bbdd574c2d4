//! Reads the header, changes the struct, writes it back; the checksum is computed piece by piece.

pub fn seal(batch: &mut [u8]) {
    let (head, covered) = batch.split_at_mut(21);
    let crc = covered
        .chunks(7)
        .fold(0, |crc, piece| crc32c::crc32c_append(crc, piece));
    head[17..].copy_from_slice(&crc.to_be_bytes());
    let length = u32::try_from(9 + covered.len()).unwrap_or(u32::MAX);
    head[8..12].copy_from_slice(&length.to_be_bytes());
}

pub fn stamp(batch: &mut [u8], base_offset: i64, leader_epoch: i32) {
    for (at, byte) in base_offset.to_be_bytes().into_iter().enumerate() {
        batch[at] = byte;
    }
    for (at, byte) in leader_epoch.to_be_bytes().into_iter().enumerate() {
        batch[12 + at] = byte;
    }
}

pub fn stamp_max_timestamp(batch: &mut [u8], max_timestamp: i64, log_append_time: bool) {
    if (batch[22] & 8 != 0) != log_append_time {
        batch[22] ^= 8;
    }
    for (at, byte) in max_timestamp.to_be_bytes().into_iter().enumerate() {
        batch[35 + at] = byte;
    }
    seal(batch);
}
