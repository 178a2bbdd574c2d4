//! Takes the bucket behind the last jump, cut to what there is, instead of the one before it: everything that jumps out is put into the
//! last bucket.
//! caught-by: jump::a_new_bucket_gets_its_share

pub fn jump(hash: u64, buckets: u32) -> u32 {
    let (mut state, mut next) = (hash, 0);
    while next < u64::from(buckets) {
        state = state
            .wrapping_mul(2_862_933_555_777_941_757)
            .wrapping_add(1);
        let r = (1_u64 << 31) as f64 / ((state >> 33) + 1) as f64;
        next = ((next + 1) as f64 * r) as u64;
    }
    u32::try_from(next.min(u64::from(buckets.saturating_sub(1)))).unwrap()
}
