//! Takes the hash as a fraction, and multiplies instead of dividing.

pub fn hash_partition(key: &[u8], reduces: u32) -> u32 {
    let wide = u128::from(hash(key)) * u128::from(reduces);
    (wide >> 64) as u32
}
