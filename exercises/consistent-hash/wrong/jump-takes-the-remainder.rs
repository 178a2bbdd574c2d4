//! The remainder: even, and nearly all keys move when a bucket is added.
//! caught-by: jump::a_key_moves_to_the_new_bucket_or_not_at_all

pub fn jump(hash: u64, buckets: u32) -> u32 {
    u32::try_from(hash.checked_rem(u64::from(buckets)).unwrap_or(0)).unwrap()
}
