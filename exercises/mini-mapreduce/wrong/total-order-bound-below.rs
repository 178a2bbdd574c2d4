//! Puts a bound into the range below it: the last key of one file is the first one of the next.
//! caught-by: total_order::a_bound_belongs_to_the_range_above_it

pub fn range_of(points: &[Vec<u8>], key: &[u8]) -> u32 {
    points.partition_point(|point| point.as_slice() < key) as u32
}
