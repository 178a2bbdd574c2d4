//! One number for all jumps instead of a new one each time: where a key jumps to next depends on where it was.
//! caught-by: jump::a_key_is_in_the_bucket_that_the_papers_function_names

pub fn jump(hash: u64, buckets: u32) -> u32 {
    let state = hash.wrapping_mul(2_862_933_555_777_941_757).wrapping_add(1);
    let (mut bucket, mut next) = (0, 0);
    while next < u64::from(buckets) {
        bucket = next;
        let r = (1_u64 << 31) as f64 / ((state >> 33) + 1) as f64;
        next = ((bucket + 1) as f64 * r) as u64;
        if next <= bucket {
            break;
        }
    }
    u32::try_from(bucket).unwrap()
}
