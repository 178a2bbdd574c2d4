//! Counts buckets as fractions and rounds down itself, and stops in the middle of the loop.

pub fn jump(hash: u64, buckets: u32) -> u32 {
    let mut state = hash;
    let mut bucket = 0.0_f64;
    loop {
        state = state.wrapping_mul(2_862_933_555_777_941_757);
        state = state.wrapping_add(1);
        let draw = ((state >> 33) + 1) as f64;
        let next = ((bucket + 1.0) * (f64::from(1_u32 << 31) / draw)).floor();
        if next >= f64::from(buckets) {
            return bucket as u32;
        }
        bucket = next;
    }
}
