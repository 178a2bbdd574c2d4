//! Commit wait: whatever overlaps, timestamps of transactions that did not overlap are in the order of true time.

use proptest::prelude::*;
use vector_clocks::true_time::{Interval, Leader, is_past};

/// A transaction in true time.
#[derive(Clone, Copy, Debug)]
struct Transaction {
    begun: u64,
    acknowledged: u64,
    timestamp: u64,
}

/// What a machine's clock says at a true time, if it is wrong by `wrong` of the `uncertainty` that it admits.
fn interval(true_time: u64, uncertainty: u64, wrong: i64) -> Interval {
    let reading = true_time.checked_add_signed(wrong).unwrap();
    Interval {
        earliest: reading - uncertainty,
        latest: reading + uncertainty,
    }
}

/// Runs transactions on leaders whose clocks are wrong by these; each begins at a time, at one of the leaders.
fn run(wrong: &[i64], uncertainty: u64, begins: &[(usize, u64)], waits: bool) -> Vec<Transaction> {
    let mut leaders = vec![Leader::default(); wrong.len()];
    let mut begins = begins.to_vec();
    begins.sort_by_key(|begin| begin.1);
    let transaction = |(leader, begun): (usize, u64)| {
        let timestamp = leaders[leader].assign(interval(begun, uncertainty, wrong[leader]));
        let mut acknowledged = begun;
        while waits
            && !is_past(
                timestamp,
                interval(acknowledged, uncertainty, wrong[leader]),
            )
        {
            acknowledged += 1;
        }
        Transaction {
            begun,
            acknowledged,
            timestamp,
        }
    };
    begins.into_iter().map(transaction).collect()
}

/// Two of which the first was acknowledged before the second began, and has no lower timestamp.
fn wrong_order(transactions: &[Transaction]) -> Option<(Transaction, Transaction)> {
    let pairs = transactions
        .iter()
        .flat_map(|a| transactions.iter().map(move |b| (*a, *b)));
    pairs
        .into_iter()
        .find(|(a, b)| a.acknowledged < b.begun && a.timestamp >= b.timestamp)
}

proptest! {
    #[test]
    fn timestamps_are_in_the_order_of_true_time(
        wrong in proptest::collection::vec(-100..=100i64, 3),
        begins in proptest::collection::vec((0..3usize, 1_000..2_000u64), 2..20),
    ) {
        let transactions = run(&wrong, 100, &begins, true);
        prop_assert!(wrong_order(&transactions).is_none(), "{:?}", wrong_order(&transactions));
        for t in &transactions {
            prop_assert!(t.begun <= t.timestamp && t.timestamp < t.acknowledged, "{:?}", t);
        }
    }
}

#[test]
fn without_the_wait_they_are_not() {
    let transactions = run(&[100, -100], 100, &[(0, 1_000), (1, 1_050)], false);
    assert!(
        wrong_order(&transactions).is_some(),
        "the second began 50 µs after the first was acknowledged, at a clock that is 200 µs behind: {transactions:?}"
    );
}

#[test]
fn a_clock_that_is_more_wrong_than_it_admits_breaks_it() {
    let transactions = run(&[0, -300], 100, &[(0, 1_000), (1, 1_250)], true);
    assert!(wrong_order(&transactions).is_some(), "{transactions:?}");
}
