//! Multiplies the bucket instead of the one behind it: from bucket 0 there is no way to anywhere, so it draws for ever or gives up.
//! caught-by: jump::a_new_bucket_gets_its_share

pub fn jump(hash: u64, buckets: u32) -> u32 {
    let (mut state, mut bucket, mut next) = (hash, 0, 0);
    while next < u64::from(buckets) {
        bucket = next;
        state = state
            .wrapping_mul(2_862_933_555_777_941_757)
            .wrapping_add(1);
        let r = (1_u64 << 31) as f64 / ((state >> 33) + 1) as f64;
        next = (bucket as f64 * r) as u64;
        if next == bucket {
            break;
        }
    }
    u32::try_from(bucket).unwrap()
}
