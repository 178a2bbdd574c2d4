//! Which reduce gets a key. All pairs of a key have to go to the same one, from whichever map they come, so it depends on
//! the key's bytes alone.

use xxhash_rust::xxh3::xxh3_64;

/// Says which reduce gets a key.
pub trait Partitioner: Send + Sync {
    /// A number below `reduces`, which is not zero.
    fn partition(&self, key: &[u8], reduces: u32) -> u32;
}

/// Spreads keys evenly, whatever they look like.
#[derive(Clone, Copy, Debug)]
pub struct HashPartitioner;

impl Partitioner for HashPartitioner {
    fn partition(&self, key: &[u8], reduces: u32) -> u32 {
        hash_partition(key, reduces)
    }
}

/// 64 bits that depend on all of a key, each of them as likely to be set as not, whatever the keys look like: XXH3.
pub fn hash(key: &[u8]) -> u64 {
    xxh3_64(key)
}

/// The reduce of a key, by its [`hash`]: a number below `reduces`, which is not zero. Every map has to say the same of a key,
/// and every reduce should get as many keys as any other.
#[allow(
    clippy::cast_possible_truncation,
    reason = "what is below a u32 is one"
)]
pub fn hash_partition(key: &[u8], reduces: u32) -> u32 {
    let _ = (key, reduces);
    todo!(
        "mapreduce/partitioner: spread keys evenly over the reduces, the same key always to the same one."
    )
}

/// Gives each reduce a range of keys, in order, so that the output files one after another are sorted as a whole:
/// Hadoop's `TotalOrderPartitioner`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalOrderPartitioner {
    /// Reduce `i` gets the keys from `points[i - 1]` on, and below `points[i]`.
    points: Vec<Vec<u8>>,
}

impl TotalOrderPartitioner {
    /// With these bounds between reduces, in order.
    pub fn new(points: Vec<Vec<u8>>) -> TotalOrderPartitioner {
        TotalOrderPartitioner { points }
    }
}

impl Partitioner for TotalOrderPartitioner {
    fn partition(&self, key: &[u8], reduces: u32) -> u32 {
        range_of(&self.points, key).min(reduces - 1)
    }
}

/// The bounds between `reduces` ranges of keys, of which each should get as many of the sampled keys as any other. There
/// are at most `reduces - 1`, in ascending order and different; fewer where so few keys make up the sample that some ranges
/// would be empty.
pub fn split_points(sample: Vec<Vec<u8>>, reduces: u32) -> Vec<Vec<u8>> {
    let _ = (sample, reduces);
    todo!(
        "mapreduce/total-order: sort the sample, and take the keys that stand at even distances in it."
    )
}

/// In which range a key falls: how many bounds are not above it.
#[allow(
    clippy::cast_possible_truncation,
    reason = "there are fewer bounds than reduces, which are a u32"
)]
pub fn range_of(points: &[Vec<u8>], key: &[u8]) -> u32 {
    let _ = (points, key);
    todo!("mapreduce/total-order: find the range by halving, since this is asked for every pair.")
}
