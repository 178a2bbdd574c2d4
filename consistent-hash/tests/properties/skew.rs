//! What summaries say at their limits.

use std::num::NonZeroUsize;

use consistent_hash::skew::load::LoadReport;
use consistent_hash::skew::space_saving::SpaceSaving;

#[test]
fn whoever_came_just_so_often_is_certain() {
    let mut summary = SpaceSaving::new(NonZeroUsize::new(4).unwrap());
    b"aaabb".iter().for_each(|key| summary.offer(&[*key]));
    let certain: Vec<&[u8]> = summary
        .certain(3)
        .iter()
        .map(|counter| &counter.key[..])
        .collect();
    assert_eq!(certain, [b"a"]);
}

#[test]
fn a_load_that_is_none_counts_as_nothing() {
    let report = LoadReport::of(&[4.0, -4.0, f64::NAN, 0.0]).unwrap();
    assert_eq!((report.mean, report.max, report.gini), (1.0, 4.0, 0.75));
}
