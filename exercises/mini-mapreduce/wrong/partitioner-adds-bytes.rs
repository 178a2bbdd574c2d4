//! Adds the bytes up: keys of the same letters in another order go together, and sums are anything but even.
//! caught-by: partitioner::keys_that_look_alike_are_spread_too

pub fn hash_partition(key: &[u8], reduces: u32) -> u32 {
    key.iter().fold(0_u32, |sum, byte| sum.wrapping_add(u32::from(*byte))) % reduces
}
