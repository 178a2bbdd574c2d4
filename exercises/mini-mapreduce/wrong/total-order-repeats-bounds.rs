//! Takes a frequent key as a bound more than once: the reduces between two equal bounds get nothing.
//! caught-by: total_order::a_key_that_fills_the_sample_is_one_bound

pub fn split_points(sample: Vec<Vec<u8>>, reduces: u32) -> Vec<Vec<u8>> {
    let mut sample = sample;
    sample.sort();
    let count = reduces as usize;
    let at = (1..count).map(|range| sample.len() * range / count);
    at.filter_map(|at| sample.get(at).cloned()).collect()
}
