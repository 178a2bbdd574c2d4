//! Which reduce gets a key.

use autograder::{Test, tests};
use mini_mapreduce::partition::hash_partition;

pub(crate) const TESTS: &[Test] = tests![
    a_key_has_one_reduce_of_those_that_there_are,
    every_reduce_gets_its_share_of_any_keys,
    a_number_of_reduces_that_is_no_power_of_two_is_as_good,
    keys_that_look_alike_are_spread_too,
];

fn a_key_has_one_reduce_of_those_that_there_are() {
    for reduces in [1, 2, 3, 7, 64, 1000] {
        for number in 0..2000_u32 {
            let key = format!("key {number}").into_bytes();
            let first = hash_partition(&key, reduces);
            assert!(first < reduces, "reduce {first} of {reduces}");
            assert_eq!(
                hash_partition(&key.clone(), reduces),
                first,
                "each map says the same"
            );
        }
    }
    assert_eq!(hash_partition(b"", 1), 0, "an empty key is a key");
}

/// How many of the keys each reduce gets.
fn shares(keys: impl Iterator<Item = Vec<u8>>, reduces: u32) -> Vec<u32> {
    let mut shares = vec![0; reduces as usize];
    for key in keys {
        shares[hash_partition(&key, reduces) as usize] += 1;
    }
    shares
}

fn assert_even(shares: &[u32], what: &str) {
    let sum: u32 = shares.iter().sum();
    let mean = sum / u32::try_from(shares.len()).unwrap();
    for (reduce, share) in shares.iter().enumerate() {
        let is_fair = (mean * 8 / 10..=mean * 12 / 10).contains(share);
        assert!(
            is_fair,
            "reduce {reduce} gets {share} of {sum} {what}; a fair share is {mean}"
        );
    }
}

fn every_reduce_gets_its_share_of_any_keys() {
    let words = (0..40_000).map(|i| format!("word-{i}").into_bytes());
    assert_even(&shares(words, 8), "words");
}

fn a_number_of_reduces_that_is_no_power_of_two_is_as_good() {
    let words = (0..60_000).map(|i| format!("{i}.example.org").into_bytes());
    assert_even(&shares(words, 12), "hosts");
    let words = (0..30_000).map(|i| format!("{i}.example.org").into_bytes());
    assert_even(&shares(words, 5), "hosts");
}

fn keys_that_look_alike_are_spread_too() {
    let numbers = (0..40_000_u64).map(|i| (i * 1024).to_be_bytes().to_vec());
    assert_even(&shares(numbers, 8), "multiples of 1024");
    let ends = (0..40_000_u32).map(|i| format!("{i:06}/2026-11-28/index.html").into_bytes());
    assert_even(&shares(ends, 8), "paths with one end");
    let turned = (0..=255_u8).flat_map(|a| (0..=255_u8).map(move |b| vec![a, 255 - a, b, 255 - b]));
    assert_even(&shares(turned, 8), "keys whose bytes have one sum");
}
