//! Version vectors: which value overwrites which, and which are siblings.

use autograder::{Test, tests};
use proptest::prelude::*;
use vector_clocks::version_vector::{VersionVector, Versioned, reconcile};

pub(crate) const TESTS: &[Test] = tests![
    a_version_includes_what_it_was_made_from,
    a_version_includes_itself_and_nothing,
    a_long_list_is_not_more_knowledge,
    what_is_overwritten_goes,
    whatever_comes_first,
    siblings_stay_in_their_order,
    copies_of_one_write_are_one,
    one_value_can_overwrite_several,
    what_is_left_is_what_nothing_overwrites,
];

type Version = VersionVector<char>;
type Value = Versioned<char, &'static str>;

fn version(counts: &[(char, u64)]) -> Version {
    counts.iter().copied().collect()
}

fn value(counts: &[(char, u64)], value: &'static str) -> Value {
    Versioned {
        version: version(counts),
        value,
    }
}

fn left(values: &[Value]) -> Vec<&'static str> {
    reconcile(values).iter().map(|value| value.value).collect()
}

fn a_version_includes_what_it_was_made_from() {
    let (old, new) = (version(&[('a', 1)]), version(&[('a', 1), ('b', 1)]));
    assert!(new.includes(&old), "{new} knows all that {old} knows");
    assert!(!old.includes(&new), "{old} knows nothing of b");
    let newer = version(&[('a', 2), ('b', 1)]);
    assert!(newer.includes(&new), "{newer} knows all that {new} knows");
    assert!(
        !new.includes(&newer),
        "{new} does not know a's second write"
    );
}

fn a_version_includes_itself_and_nothing() {
    let it = version(&[('a', 3), ('c', 1)]);
    assert!(it.includes(&it.clone()), "{it} knows what it knows");
    let nothing = Version::new();
    assert!(it.includes(&nothing), "there is nothing that {it} lacks");
    assert!(nothing.includes(&nothing.clone()));
    assert!(!nothing.includes(&it), "who knows nothing lacks {it}");
}

fn a_long_list_is_not_more_knowledge() {
    let (long, short) = (version(&[('a', 9), ('b', 9)]), version(&[('c', 1)]));
    assert!(!long.includes(&short), "{long} does not know c's write");
    assert!(!short.includes(&long), "{short} knows neither a's nor b's");
    let (high, low) = (
        version(&[('a', 9), ('b', 1)]),
        version(&[('a', 1), ('b', 2)]),
    );
    assert!(
        !high.includes(&low),
        "{high} does not know b's second write"
    );
}

fn what_is_overwritten_goes() {
    let old = value(&[('a', 1)], "milk");
    let new = value(&[('a', 1), ('b', 1)], "milk, eggs");
    assert_eq!(
        left(&[old, new]),
        ["milk, eggs"],
        "whoever wrote \"milk, eggs\" had read \"milk\""
    );
}

fn whatever_comes_first() {
    let old = value(&[('a', 1)], "milk");
    let new = value(&[('a', 1), ('b', 1)], "milk, eggs");
    assert_eq!(
        left(&[new, old]),
        ["milk, eggs"],
        "the answer with the old value may come last; it is old all the same"
    );
}

fn siblings_stay_in_their_order() {
    let eggs = value(&[('a', 1), ('b', 1)], "milk, eggs");
    let bread = value(&[('a', 2)], "milk, bread");
    assert_eq!(
        left(&[eggs.clone(), bread.clone()]),
        ["milk, eggs", "milk, bread"],
        "two people changed \"milk\" without knowing of each other: both changes stay"
    );
    assert_eq!(
        left(&[bread, eggs]),
        ["milk, bread", "milk, eggs"],
        "in the order in which they came"
    );
}

fn copies_of_one_write_are_one() {
    let it = value(&[('a', 1), ('b', 1)], "milk");
    assert_eq!(
        left(&[it.clone(), it.clone(), it]),
        ["milk"],
        "three replicas answered with the same write"
    );
    assert_eq!(left(&[]), [""; 0], "nobody has answered");
}

fn one_value_can_overwrite_several() {
    let values = [
        value(&[('a', 1), ('b', 1)], "milk, eggs"),
        value(&[('d', 1)], "beer"),
        value(&[('a', 2)], "milk, bread"),
        value(&[('a', 2), ('b', 1), ('c', 1)], "milk, eggs, bread"),
    ];
    assert_eq!(
        left(&values),
        ["beer", "milk, eggs, bread"],
        "c read both siblings and wrote what they are together; nobody has read \"beer\""
    );
}

prop_compose! {
    fn any_values()(
        versions in proptest::collection::vec(proptest::collection::vec(0..3u64, 3), 0..8)
    ) -> Vec<Versioned<char, usize>> {
        let value = |(value, counts): (usize, Vec<u64>)| Versioned {
            version: "abc".chars().zip(counts).collect(),
            value,
        };
        versions.into_iter().enumerate().map(value).collect()
    }
}

proptest! {
    #![proptest_config(autograder::property(256))]

    fn what_is_left_is_what_nothing_overwrites(values in any_values()) {
        let knows = |a: &VersionVector<char>, b: &VersionVector<char>| "abc".chars().all(|r| a.get(&r) >= b.get(&r));
        let expected: Vec<usize> = values.iter().enumerate().filter(|(i, it)| {
            let goes = |(j, other): (usize, &Versioned<char, usize>)| {
                knows(&other.version, &it.version) && (other.version != it.version || j < *i)
            };
            !values.iter().enumerate().any(goes)
        }).map(|(_, it)| it.value).collect();
        let left: Vec<usize> = reconcile(&values).iter().map(|value| value.value).collect();
        prop_assert_eq!(left, expected, "of {:?}, by their numbers", values);
    }
}
