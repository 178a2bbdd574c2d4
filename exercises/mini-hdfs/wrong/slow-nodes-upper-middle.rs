//! The median of an even number is the upper of the two in the middle.
//! caught-by: outliers::outliers_median_of_an_even_number_lies_between_two

pub fn median(values: &[u64]) -> u64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}
