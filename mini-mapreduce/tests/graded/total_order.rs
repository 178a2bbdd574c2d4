//! Ranges of keys for reduces.

use autograder::{Test, tests};
use mini_mapreduce::partition::{range_of, split_points};
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    bounds_stand_at_even_distances_of_the_sample,
    one_reduce_needs_no_bounds,
    a_key_that_fills_the_sample_is_one_bound,
    a_small_sample_gives_fewer_bounds,
    a_bound_belongs_to_the_range_above_it,
    a_range_is_found_by_halving,
    files_one_after_another_are_sorted,
    shares_are_fair,
];

fn keys(text: &str) -> Vec<Vec<u8>> {
    text.split(' ').map(|key| key.as_bytes().to_vec()).collect()
}

fn bounds_stand_at_even_distances_of_the_sample() {
    let sample = keys("h c a g e b d f");
    assert_eq!(
        split_points(sample.clone(), 2),
        keys("e"),
        "four keys on either side"
    );
    assert_eq!(
        split_points(sample, 4),
        keys("c e g"),
        "two keys in each range"
    );
    let sample = keys("bb b c a aa ab");
    assert_eq!(split_points(sample, 3), keys("ab bb"), "as bytes compare");
}

fn one_reduce_needs_no_bounds() {
    assert_eq!(
        split_points(keys("a b c"), 1),
        keys("a")[..0],
        "it gets everything"
    );
    assert_eq!(range_of(&[], b"any"), 0);
}

fn a_key_that_fills_the_sample_is_one_bound() {
    let mut sample = vec![b"the".to_vec(); 90];
    sample.extend(keys("a b c d e v w x y z"));
    let points = split_points(sample, 10);
    assert!(
        points.is_sorted_by(|a, b| a < b),
        "each bound is above the one before: {points:?}"
    );
    assert_eq!(
        points.iter().filter(|point| *point == b"the").count(),
        1,
        "{points:?}"
    );
    assert_eq!(
        split_points(keys("a a a a b c d e"), 2),
        keys("b"),
        "four of the eight sampled keys on either side"
    );
    assert_eq!(
        split_points(vec![b"k".to_vec(); 50], 4).len(),
        0,
        "one key has no bounds within it"
    );
}

fn a_small_sample_gives_fewer_bounds() {
    assert_eq!(
        split_points(Vec::new(), 5).len(),
        0,
        "of nothing, nothing is known"
    );
    let points = split_points(keys("b a"), 5);
    assert_eq!(
        points,
        keys("b"),
        "two keys make two ranges; below the smallest there is none"
    );
}

fn a_bound_belongs_to_the_range_above_it() {
    let points = keys("f m");
    let ranges =
        ["", "a", "ez", "f", "fa", "lz", "m", "z"].map(|key| range_of(&points, key.as_bytes()));
    assert_eq!(
        ranges,
        [0, 0, 0, 1, 1, 1, 2, 2],
        "a range begins with its bound"
    );
}

fn a_range_is_found_by_halving() {
    let points: Vec<Vec<u8>> = (0..200_000_u32)
        .map(|i| (i * 2).to_be_bytes().to_vec())
        .collect();
    for i in 0..200_000_u32 {
        let key = (i * 2 + 1).to_be_bytes();
        assert_eq!(range_of(&points, &key), i + 1, "of 200,000 bounds");
    }
}

proptest! {
    #![proptest_config(autograder::property(200))]

    fn files_one_after_another_are_sorted(
        mut keys in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..3), 1..100),
        every in 1_usize..10, reduces in 1_u32..8,
    ) {
        let sample: Vec<Vec<u8>> = keys.iter().step_by(every).cloned().collect();
        let points = split_points(sample, reduces);
        assert!(points.len() < reduces as usize, "{} bounds make more than {reduces} ranges", points.len());
        let mut files = vec![Vec::new(); reduces as usize];
        for key in &keys {
            files[range_of(&points, key) as usize].push(key.clone());
        }
        for file in &mut files {
            file.sort_unstable();
        }
        keys.sort_unstable();
        assert_eq!(files.concat(), keys, "each reduce sorts its own range");
    }
}

fn shares_are_fair() {
    let key = |i: u32| (i.wrapping_mul(2_654_435_761)).to_be_bytes().to_vec();
    let sample: Vec<Vec<u8>> = (0..10_000).map(key).collect();
    let points = split_points(sample, 16);
    assert_eq!(points.len(), 15, "sixteen ranges");
    let mut shares = [0_u32; 16];
    for i in 10_000..170_000 {
        shares[range_of(&points, &key(i)) as usize] += 1;
    }
    for share in shares {
        assert!(
            (8_500..11_500).contains(&share),
            "10,000 of 160,000 keys is fair: {shares:?}"
        );
    }
}
