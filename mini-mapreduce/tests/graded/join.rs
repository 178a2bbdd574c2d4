//! A join in the reduce.

use autograder::{Test, tests};
use mini_mapreduce::datum::Datum;
use mini_mapreduce::job::{JobSpec, RecordError, Settings};
use mini_mapreduce::jobs::join::{LEFT, RIGHT};
use mini_mapreduce::program::{Collect, Pair, RawValues};
use mini_mapreduce::task::TaskError;
use proptest::prelude::*;

pub(crate) const TESTS: &[Test] = tests![
    a_key_on_both_sides_is_a_pair,
    each_left_value_meets_each_right_one,
    a_key_on_one_side_alone_is_nothing,
    left_values_are_never_all_in_memory,
    one_key_knows_nothing_of_another,
    pairs_are_those_of_two_loops,
];

/// A group's values, right side first, made when they are asked for; and what has come of them when.
struct Group<'a> {
    key: &'a [u8],
    rights: &'a [Vec<u8>],
    lefts: usize,
    left: &'a dyn Fn(usize) -> Vec<u8>,
    next: usize,
    pair: (Vec<u8>, Vec<u8>),
}

impl RawValues for Group<'_> {
    fn next(&mut self) -> Result<Option<Pair<'_>>, Box<TaskError>> {
        let at = self.next;
        self.next += 1;
        let (side, value) = match self.rights.get(at) {
            Some(right) => (RIGHT, right.clone()),
            None if at - self.rights.len() < self.lefts => {
                (LEFT, (self.left)(at - self.rights.len()))
            }
            None => return Ok(None),
        };
        self.pair.0.clear();
        <(Vec<u8>, u64)>::encode((self.key.into(), side), &mut self.pair.0);
        self.pair.1 = value;
        Ok(Some((&self.pair.0, &self.pair.1)))
    }
}

#[derive(Default)]
struct Out {
    lines: Vec<String>,
    count: usize,
    /// How many lines are kept.
    keep: usize,
}

impl Collect for Out {
    fn collect(&mut self, key: &[u8], value: &[u8]) -> Result<(), RecordError> {
        self.count += 1;
        if self.lines.len() < self.keep {
            let text = [key, b"\t", value].concat();
            self.lines.push(String::from_utf8_lossy(&text).into_owned());
        }
        Ok(())
    }

    fn count(&mut self, _: &str, _: &str, _: u64) {}
}

/// A key, its left values, its right values.
type KeyWithSides = (&'static str, Vec<Vec<u8>>, Vec<Vec<u8>>);

/// What a reducer makes of groups, one after another.
fn join(groups: &[KeyWithSides]) -> Vec<String> {
    let mut reducer = reducer();
    let mut out = Out {
        keep: usize::MAX,
        ..Out::default()
    };
    for (key, lefts, rights) in groups {
        let left = |at: usize| lefts[at].clone();
        reduce(
            &mut *reducer,
            key.as_bytes(),
            rights,
            lefts.len(),
            &left,
            &mut out,
        );
    }
    out.lines
}

fn reducer() -> Box<dyn mini_mapreduce::program::RawReducer> {
    let spec = JobSpec {
        program: "join".to_owned(),
        args: Vec::new(),
        inputs: vec!["left".to_owned(), "right".to_owned()],
        output: "out".to_owned(),
        reduces: 1,
        settings: Settings::default(),
    };
    mini_mapreduce::jobs::program(&spec)
        .unwrap()
        .reducer()
        .unwrap()
}

fn reduce(
    reducer: &mut dyn mini_mapreduce::program::RawReducer,
    key: &[u8],
    rights: &[Vec<u8>],
    lefts: usize,
    left: &dyn Fn(usize) -> Vec<u8>,
    out: &mut Out,
) {
    let mut first = Vec::new();
    let side = if rights.is_empty() { LEFT } else { RIGHT };
    <(Vec<u8>, u64)>::encode((key.into(), side), &mut first);
    let mut group = Group {
        key,
        rights,
        lefts,
        left,
        next: 0,
        pair: (Vec::new(), Vec::new()),
    };
    reducer.reduce(&first, &mut group, out).unwrap();
}

fn values(text: &str) -> Vec<Vec<u8>> {
    text.split_whitespace()
        .map(|value| value.as_bytes().to_vec())
        .collect()
}

fn a_key_on_both_sides_is_a_pair() {
    let lines = join(&[("k", values("order"), values("customer"))]);
    assert_eq!(lines, ["k\torder\tcustomer"], "key, left, right");
    let lines = join(&[("k", vec![Vec::new()], vec![Vec::new()])]);
    assert_eq!(lines, ["k\t\t"], "an empty value is a value");
}

fn each_left_value_meets_each_right_one() {
    let mut lines = join(&[("k", values("1 2 2"), values("x y"))]);
    lines.sort_unstable();
    let expected = [
        "k\t1\tx", "k\t1\ty", "k\t2\tx", "k\t2\tx", "k\t2\ty", "k\t2\ty",
    ];
    assert_eq!(
        lines, expected,
        "three times two; a value that came twice counts twice"
    );
}

fn a_key_on_one_side_alone_is_nothing() {
    assert_eq!(
        join(&[("k", values("1 2 3"), Vec::new())]),
        [""; 0],
        "it is an inner join"
    );
    assert_eq!(join(&[("k", Vec::new(), values("x y"))]), [""; 0]);
}

fn left_values_are_never_all_in_memory() {
    let count = 10_000;
    let seen = std::cell::Cell::new(0);
    let left = |at: usize| {
        seen.set(at);
        at.to_string().into_bytes()
    };
    struct Watch<'a> {
        seen: &'a std::cell::Cell<usize>,
        behind: usize,
        count: usize,
    }
    impl Collect for Watch<'_> {
        fn collect(&mut self, _: &[u8], _: &[u8]) -> Result<(), RecordError> {
            self.behind = self.behind.max(self.seen.get().saturating_sub(self.count));
            self.count += 1;
            assert!(
                self.behind < 1000,
                "a left value is held back while {} others are read",
                self.behind
            );
            Ok(())
        }

        fn count(&mut self, _: &str, _: &str, _: u64) {}
    }
    let mut out = Watch {
        seen: &seen,
        behind: 0,
        count: 0,
    };
    let rights = values("r");
    let mut first = Vec::new();
    <(Vec<u8>, u64)>::encode((b"k".into(), RIGHT), &mut first);
    let mut group = Group {
        key: b"k",
        rights: &rights,
        lefts: count,
        left: &left,
        next: 0,
        pair: (Vec::new(), Vec::new()),
    };
    reducer().reduce(&first, &mut group, &mut out).unwrap();
    assert_eq!(out.count, count, "each left value has a pair");
}

fn one_key_knows_nothing_of_another() {
    let lines = join(&[
        ("a", values("1"), values("x")),
        ("b", values("2"), Vec::new()),
        ("c", Vec::new(), values("y")),
        ("d", values("3"), values("z")),
    ]);
    assert_eq!(
        lines,
        ["a\t1\tx", "d\t3\tz"],
        "what was remembered of a key ends with it"
    );
}

proptest! {
    #![proptest_config(autograder::property(100))]

    fn pairs_are_those_of_two_loops(
        lefts in prop::collection::vec("[a-c]{0,2}", 0..8),
        rights in prop::collection::vec("[x-z]{0,2}", 0..8),
    ) {
        let bytes = |values: &[String]| values.iter().map(|value| value.clone().into_bytes()).collect();
        let mut found = join(&[("key", bytes(&lefts), bytes(&rights))]);
        let mut expected = Vec::new();
        for left in &lefts {
            for right in &rights {
                expected.push(format!("key\t{left}\t{right}"));
            }
        }
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected, "of {lefts:?} and {rights:?}");
    }
}
