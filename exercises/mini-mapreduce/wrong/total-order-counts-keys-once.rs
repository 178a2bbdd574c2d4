//! Counts each key of the sample once: the range with the frequent key gets most of the pairs.
//! caught-by: total_order::a_key_that_fills_the_sample_is_one_bound

pub fn split_points(sample: Vec<Vec<u8>>, reduces: u32) -> Vec<Vec<u8>> {
    let mut sample = sample;
    sample.sort();
    sample.dedup();
    let count = reduces as usize;
    let at = (1..count).map(|range| sample.len() * range / count);
    let mut points: Vec<Vec<u8>> = at.filter_map(|at| sample.get(at).cloned()).collect();
    points.dedup();
    points.retain(|point| sample.first().is_none_or(|first| first < point));
    points
}
