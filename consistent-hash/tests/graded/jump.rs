//! Jump consistent hash.

use autograder::{Test, tests};
use consistent_hash::jump::jump;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    of_one_bucket_it_is_that_one,
    a_key_is_in_the_bucket_that_the_papers_function_names,
    a_key_moves_to_the_new_bucket_or_not_at_all,
    a_new_bucket_gets_its_share,
    many_buckets_take_few_jumps,
];

fn of_one_bucket_it_is_that_one() {
    for hash in [0, 1, 42, u64::MAX] {
        assert_eq!(
            jump(hash, 1),
            0,
            "there is the bucket 0 alone; the hash is {hash}"
        );
        assert_eq!(
            jump(hash, 0),
            0,
            "no buckets: 0, and no panic; the hash is {hash}"
        );
    }
}

/// Values of other implementations; see `tests/properties/reference.rs`.
fn a_key_is_in_the_bucket_that_the_papers_function_names() {
    for (hash, buckets, expected) in [
        (0, 100, 0),
        (1, 100, 55),
        (2, 100, 62),
        (19, 100, 83),
        (42, 57, 43),
        (256, 1024, 520),
        (0xDEAD_10CC, 666, 361),
        (10_863_919_174_838_991, 11, 6),
        (2_016_238_256_797_177_309, 11, 3),
    ] {
        assert_eq!(
            jump(hash, buckets),
            expected,
            "jump({hash}, {buckets}): left is what came, right what the paper's function gives"
        );
    }
}

fn many_buckets_take_few_jumps() {
    // One bucket after the other would be four thousand million steps.
    for hash in [1, 2, u64::MAX] {
        assert!(
            jump(hash, u32::MAX) < u32::MAX,
            "a bucket is below the number of buckets"
        );
    }
}

fn a_new_bucket_gets_its_share() {
    const KEYS: u64 = 10_000;
    for buckets in [1_u32, 2, 9, 99] {
        let hash = |key: u64| key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let moved = (0..KEYS)
            .filter(|key| jump(hash(*key), buckets + 1) == buckets)
            .count() as f64;
        let share = 1.0 / f64::from(buckets + 1);
        let deviation = (KEYS as f64 * share * (1.0 - share)).sqrt();
        assert!(
            (moved - KEYS as f64 * share).abs() < 6.0 * deviation,
            "of {KEYS} keys, {moved} are in the last of {} buckets; it should be about one in {}",
            buckets + 1,
            buckets + 1
        );
    }
}

proptest! {
    #![proptest_config(autograder::property(512))]

    fn a_key_moves_to_the_new_bucket_or_not_at_all(hash: u64, buckets in 1..3_000u32) {
        let (old, new) = (jump(hash, buckets), jump(hash, buckets + 1));
        prop_assert!(old < buckets, "bucket {} of {}", old, buckets);
        prop_assert!(
            new == old || new == buckets,
            "with {} buckets in bucket {}, with one more in bucket {}: a key stays, or goes to the new one", buckets, old, new
        );
    }
}
