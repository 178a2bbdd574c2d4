//! The quotient is rounded down before it is multiplied: a key jumps too short, and low buckets are too full.
//! caught-by: jump::a_key_is_in_the_bucket_that_the_papers_function_names

pub fn jump(hash: u64, buckets: u32) -> u32 {
    let (mut state, mut bucket, mut next) = (hash, 0, 0);
    while next < u64::from(buckets) {
        bucket = next;
        state = state
            .wrapping_mul(2_862_933_555_777_941_757)
            .wrapping_add(1);
        next = (bucket + 1) * ((1 << 31) / ((state >> 33) + 1));
    }
    u32::try_from(bucket).unwrap()
}
