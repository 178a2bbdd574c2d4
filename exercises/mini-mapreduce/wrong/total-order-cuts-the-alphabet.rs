//! Cuts the space of first bytes into equal parts and does not look at the sample: text is letters, and most reduces get nothing.
//! caught-by: total_order::bounds_stand_at_even_distances_of_the_sample

pub fn split_points(sample: Vec<Vec<u8>>, reduces: u32) -> Vec<Vec<u8>> {
    let _ = sample;
    (1..reduces).map(|range| vec![(range * 256 / reduces) as u8]).collect()
}
