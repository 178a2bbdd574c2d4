//! Takes all bounds, and removes afterwards what is there twice or below everything; searches with a loop of its own.

pub fn split_points(sample: Vec<Vec<u8>>, reduces: u32) -> Vec<Vec<u8>> {
    let mut sorted = sample;
    sorted.sort();
    let count = reduces as usize;
    let mut points: Vec<Vec<u8>> = (1..count)
        .filter_map(|range| sorted.get(sorted.len() * range / count).cloned())
        .collect();
    points.dedup();
    if points.first().is_some_and(|point| Some(point) == sorted.first()) {
        points.remove(0);
    }
    points
}

pub fn range_of(points: &[Vec<u8>], key: &[u8]) -> u32 {
    let (mut low, mut high) = (0, points.len());
    while low < high {
        let middle = (low + high) / 2;
        if points[middle].as_slice() <= key {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low as u32
}
