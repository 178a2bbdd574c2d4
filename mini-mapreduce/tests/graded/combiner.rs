//! Values of equal keys folded as sorted pairs go by.

use autograder::{Test, tests};
use mini_mapreduce::fold::NeighbourFold;
use mini_mapreduce::job::RecordError;
use mini_mapreduce::program::RawFold;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_pair_alone_is_handed_on_as_it_is,
    values_of_one_key_become_one,
    the_last_pair_comes_at_the_end,
    an_empty_key_and_an_empty_value_are_some,
    a_pair_is_handed_on_as_soon_as_its_key_has_ended,
    a_value_meets_the_others_in_their_order,
    a_fold_that_fails_says_so,
    sums_are_those_of_a_loop,
];

/// Puts one behind the other, with a plus between them; fails with an exclamation mark.
struct Plus;

impl RawFold for Plus {
    fn fold(&self, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        if right == b"!" {
            return Err(RecordError::bad("an exclamation mark"));
        }
        out.extend_from_slice(left);
        out.push(b'+');
        out.extend_from_slice(right);
        Ok(())
    }
}

/// What comes of sorted pairs: the key, a colon, the value; after each pair, and at the end.
fn folded(pairs: &[(&str, &str)]) -> Result<Vec<Vec<String>>, RecordError> {
    let mut folding = NeighbourFold::default();
    let mut all = Vec::new();
    for pair in pairs.iter().map(Some).chain([None]) {
        let mut now = Vec::new();
        let mut out = |(key, value): (&[u8], &[u8])| {
            let text = [key, b":", value].concat();
            now.push(String::from_utf8(text).unwrap());
            Ok(())
        };
        match pair {
            Some((key, value)) => {
                folding.take(&Plus, (key.as_bytes(), value.as_bytes()), &mut out)?;
            }
            None => folding.finish(&mut out)?,
        }
        all.push(now);
    }
    Ok(all)
}

fn lines(pairs: &[(&str, &str)]) -> Vec<String> {
    folded(pairs).unwrap().concat()
}

fn a_pair_alone_is_handed_on_as_it_is() {
    assert_eq!(
        lines(&[("a", "1")]),
        ["a:1"],
        "there is nothing to fold it with"
    );
    assert_eq!(
        lines(&[("a", "1"), ("b", "2")]),
        ["a:1", "b:2"],
        "each key has one value"
    );
    assert_eq!(lines(&[]), [""; 0], "of nothing, nothing comes");
}

fn values_of_one_key_become_one() {
    let pairs = [
        ("a", "1"),
        ("a", "2"),
        ("b", "3"),
        ("c", "4"),
        ("c", "5"),
        ("c", "6"),
    ];
    assert_eq!(lines(&pairs), ["a:1+2", "b:3", "c:4+5+6"]);
}

fn the_last_pair_comes_at_the_end() {
    let all = folded(&[("a", "1"), ("a", "2")]).unwrap();
    assert_eq!(
        all,
        [vec![], vec![], vec!["a:1+2".to_owned()]],
        "nobody knew before that no third one comes"
    );
}

fn an_empty_key_and_an_empty_value_are_some() {
    assert_eq!(lines(&[("", ""), ("", "1"), ("a", "")]), [":+1", "a:"]);
    assert_eq!(lines(&[("", "")]), [":"], "even alone");
}

fn a_pair_is_handed_on_as_soon_as_its_key_has_ended() {
    let all = folded(&[("a", "1"), ("b", "2"), ("b", "3"), ("c", "4")]).unwrap();
    let expected: [&[&str]; 5] = [&[], &["a:1"], &[], &["b:2+3"], &["c:4"]];
    assert_eq!(
        all, expected,
        "memory holds one pair, however many there are"
    );
}

fn a_value_meets_the_others_in_their_order() {
    assert_eq!(
        lines(&[("k", "x"), ("k", "y"), ("k", "z")]),
        ["k:x+y+z"],
        "what came earlier is on the left"
    );
}

fn a_fold_that_fails_says_so() {
    assert!(
        folded(&[("a", "1"), ("a", "!")]).is_err(),
        "the fold refuses it"
    );
    assert!(
        folded(&[("a", "!"), ("b", "1")]).is_ok(),
        "a value alone is not folded"
    );
    let mut folding = NeighbourFold::default();
    let full = |_: (&[u8], &[u8])| Err(RecordError::bad("the disk is full"));
    folding.take(&Plus, (b"a", b"1"), &mut |_| Ok(())).unwrap();
    assert!(
        folding.take(&Plus, (b"b", b"1"), &mut { full }).is_err(),
        "nor is that passed over"
    );
}

/// Adds bytes, and counts how often.
struct Count(std::sync::atomic::AtomicU32);

impl RawFold for Count {
    fn fold(&self, left: &[u8], right: &[u8], out: &mut Vec<u8>) -> Result<(), RecordError> {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        out.push(left[0].wrapping_add(right[0]));
        Ok(())
    }
}

proptest! {
    #![proptest_config(autograder::property(100))]

    fn sums_are_those_of_a_loop(pairs in prop::collection::vec(("[ab]{0,2}", any::<u8>()), 0..60)) {
        let mut pairs = pairs;
        pairs.sort();
        let fold = Count(std::sync::atomic::AtomicU32::new(0));
        let mut folding = NeighbourFold::default();
        let mut found: Vec<(String, u8)> = Vec::new();
        let mut out = |(key, value): (&[u8], &[u8])| {
            found.push((String::from_utf8(key.to_vec()).unwrap(), value[0]));
            Ok(())
        };
        for (key, value) in &pairs {
            folding.take(&fold, (key.as_bytes(), &[*value]), &mut out).unwrap();
        }
        folding.finish(&mut out).unwrap();
        let mut expected = std::collections::BTreeMap::new();
        for (key, value) in &pairs {
            let sum: &mut u8 = expected.entry(key.clone()).or_default();
            *sum = sum.wrapping_add(*value);
        }
        let expected: Vec<(String, u8)> = expected.into_iter().collect();
        assert_eq!(found, expected, "of {pairs:?}");
        let folds = u32::try_from(pairs.len() - expected.len()).unwrap();
        assert_eq!(fold.0.into_inner(), folds, "each pair but the first of a key is folded, once");
    }
}
