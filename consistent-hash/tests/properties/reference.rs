//! Values that others have published, and our own, which must stay.

use consistent_hash::jump::jump;
use consistent_hash::maglev::{Preference, fill};
use expect_test::expect;

use crate::strategies::{
    ANCHOR, BOUNDED, JUMP, MAGLEV, MODULO, MULTI_PROBE, RENDEZVOUS, RING, keys, nodes,
};

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

/// Each strategy's own answers, of seven nodes that have joined in order: a release that gives others would lose data.
#[test]
fn answers_are_the_same_in_every_release() {
    let strategies = [
        MODULO,
        RING,
        JUMP,
        RENDEZVOUS,
        MAGLEV,
        ANCHOR,
        MULTI_PROBE,
        BOUNDED,
    ];
    let told = strategies.map(|make| {
        let mut strategy = make(42);
        strategy.add_all(&nodes(7)).unwrap();
        let of_key = |key: &Vec<u8>| {
            let nodes = strategy.replicas(key, 2).into_iter();
            nodes.map(|node| node.0.to_string()).collect::<String>()
        };
        let answers: Vec<String> = keys(16).iter().map(of_key).collect();
        format!("{:<12}{}\n", strategy.name(), answers.join(" "))
    });
    expect![[r#"
        modulo      23 34 34 60 60 12 45 01 56 45 23 23 45 23 34 12
        ring        20 60 56 65 12 31 15 42 04 40 61 21 43 61 03 50
        jump        41 14 31 56 56 04 12 50 64 65 04 40 24 16 56 32
        rendezvous  53 13 54 41 52 13 40 01 26 40 52 60 16 04 31 21
        maglev      45 64 42 16 23 34 45 35 32 31 21 43 05 21 62 34
        anchor      06 04 14 15 04 24 04 40 65 40 16 15 65 32 12 21
        multi-probe 45 13 06 16 51 36 60 04 50 36 15 16 40 20 31 06
        bounded     26 13 26 26 26 26 13 52 52 60 26 13 26 26 52 26
    "#]]
    .assert_eq(&told.concat());
}
