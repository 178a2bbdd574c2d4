//! Values that others have published.

use consistent_hash::jump::jump;
use consistent_hash::maglev::{Preference, fill};

/// The paper prints its function and no values. These are from implementations of it: the tests of Guava's
/// `Hashing.consistentHash` (keys 0 to 19 in 100 buckets), and those of ClickHouse's `jumpConsistentHash`, which
/// several others share.
#[test]
fn jump_agrees_with_other_implementations() {
    let golden = [
        0, 55, 62, 8, 45, 59, 86, 97, 82, 59, 73, 37, 17, 56, 86, 21, 90, 37, 38, 83,
    ];
    let ours: Vec<u32> = (0..20).map(|key| jump(key, 100)).collect();
    assert_eq!(ours, golden);
    assert_eq!(jump(10_863_919_174_838_991, 11), 6);
    assert_eq!(jump(2_016_238_256_797_177_309, 11), 3);
    assert_eq!(jump(1_673_758_223_894_951_030, 11), 5);
    assert_eq!(jump(1, 1), 0);
    assert_eq!(jump(42, 57), 43);
    assert_eq!(jump(0xDEAD_10CC, 1), 0);
    assert_eq!(jump(0xDEAD_10CC, 666), 361);
    assert_eq!(jump(256, 1024), 520);
}

#[test]
fn jump_takes_any_number_of_buckets() {
    for key in [0, 1, u64::MAX, 0xDEAD_10CC] {
        assert_eq!(jump(key, 0), 0);
        assert_eq!(jump(key, 1), 0);
        assert!(jump(key, u32::MAX) < u32::MAX);
    }
}

/// Table 1 of the paper: three backends, seven entries; and without B1.
#[test]
fn maglev_fills_the_papers_table() {
    let preference = |offset, skip| Preference { offset, skip };
    let all = [preference(3, 4), preference(0, 2), preference(3, 1)];
    assert_eq!(fill(&all, &[0, 1, 2], 7), [1, 0, 1, 0, 2, 2, 0]);
    assert_eq!(fill(&[all[0], all[2]], &[0, 1], 7), [0, 0, 0, 0, 1, 1, 1]);
}
