//! Walks over the bounds from the first one on: with thousands of reduces, finding the range takes longer than sorting.
//! caught-by: total_order::a_range_is_found_by_halving

pub fn range_of(points: &[Vec<u8>], key: &[u8]) -> u32 {
    let mut range = 0;
    for point in points {
        if std::hint::black_box(point.as_slice()) > key {
            break;
        }
        range += 1;
    }
    range
}
