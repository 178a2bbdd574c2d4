//! Takes keys at even distances of the sample as it came: the bounds are in no order, and ranges overlap.
//! caught-by: total_order::bounds_stand_at_even_distances_of_the_sample

pub fn split_points(sample: Vec<Vec<u8>>, reduces: u32) -> Vec<Vec<u8>> {
    let mut points = Vec::new();
    for range in 1..reduces as usize {
        if let Some(key) = sample.get(sample.len() * range / reduces as usize) {
            points.push(key.clone());
        }
    }
    points
}
