//! Takes the hash's lowest bits with a mask: of twelve reduces, some get nothing.
//! caught-by: partitioner::a_number_of_reduces_that_is_no_power_of_two_is_as_good

pub fn hash_partition(key: &[u8], reduces: u32) -> u32 {
    (hash(key) & u64::from(reduces - 1)) as u32
}
