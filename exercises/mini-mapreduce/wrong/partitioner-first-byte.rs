//! Goes by the first byte: most words begin with few letters, and one reduce gets most of them.
//! caught-by: partitioner::every_reduce_gets_its_share_of_any_keys

pub fn hash_partition(key: &[u8], reduces: u32) -> u32 {
    u32::from(key.first().copied().unwrap_or(0)) % reduces
}
