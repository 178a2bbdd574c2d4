//! Divides by one more than there are: a key is given to a reduce that is not there, and the job fails late.
//! caught-by: partitioner::a_key_has_one_reduce_of_those_that_there_are

pub fn hash_partition(key: &[u8], reduces: u32) -> u32 {
    (hash(key) % (u64::from(reduces) + 1)) as u32
}
