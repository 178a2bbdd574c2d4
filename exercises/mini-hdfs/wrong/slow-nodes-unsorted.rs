//! The middle of the list as it comes, which is any of them.
//! caught-by: outliers::outliers_median_lies_in_the_middle

pub fn median(values: &[u64]) -> u64 {
    let sorted = values.to_vec();
    let middle = sorted.len() / 2;
    match (sorted.get(middle), sorted.len().is_multiple_of(2)) {
        (None, _) => 0,
        (Some(high), false) => *high,
        (Some(high), true) => sorted[middle - 1].midpoint(*high),
    }
}
