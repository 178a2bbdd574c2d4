//! The capstone's judge: it calls what is wrong wrong, on reads and messages made by hand, and what is right right.

use std::collections::BTreeSet;

use vector_clocks::capstone::{Context, Field, Message};

use crate::judge::{Cause, Judge, Rule, Write, WriteId};
use crate::world::chaos;

fn write(value: &str, overwrites: &[WriteId]) -> Write {
    Write {
        key: "cart",
        value: Some(value.to_owned()),
        overwrites: overwrites.iter().copied().collect(),
    }
}

/// Has these values read, and tells which rules that breaks.
fn read(judge: &mut Judge, at: usize, values: &[&str], cause: Cause) -> Vec<Rule> {
    let before: BTreeSet<Rule> = judge.breaches.keys().copied().collect();
    let values: Vec<String> = values.iter().map(|value| (*value).to_owned()).collect();
    judge.read(at, "cart", &values, &Context::default(), cause);
    let rules = judge.breaches.keys().copied();
    rules.filter(|rule| !before.contains(rule)).collect()
}

/// Two replicas; r0 has taken "milk" (0), and r1 has heard of it.
fn judge() -> Judge {
    let mut judge = Judge::new(2);
    let id = judge.take(0, write("milk", &[]));
    assert_eq!(read(&mut judge, 0, &["milk"], Cause::Wrote(id)), []);
    let known = judge.known(0);
    judge.hear(1, 0, known);
    assert_eq!(read(&mut judge, 1, &["milk"], Cause::Heard), []);
    judge
}

#[test]
fn a_write_that_is_not_read_breaks_rule_1() {
    let mut judge = judge();
    let id = judge.take(0, write("beer", &[]));
    assert_eq!(
        read(&mut judge, 0, &["milk"], Cause::Wrote(id)),
        [Rule::WrittenIsRead]
    );
}

#[test]
fn a_sibling_that_a_write_drops_breaks_rule_2() {
    let mut judge = judge();
    let id = judge.take(0, write("beer", &[]));
    assert_eq!(
        read(&mut judge, 0, &["beer"], Cause::Wrote(id)),
        [Rule::WriteDrops]
    );
}

#[test]
fn what_a_write_should_have_replaced_breaks_rule_3() {
    let mut judge = judge();
    let id = judge.take(0, write("milk, eggs", &[0]));
    assert_eq!(
        read(&mut judge, 0, &["milk", "milk, eggs"], Cause::Wrote(id)),
        [Rule::WriteReplaces]
    );
}

#[test]
fn messages_break_rules_4_to_7() {
    // r0 has replaced "milk"; r1 has taken "beer" beside it, and hears of r0's.
    let prepared = || {
        let mut judge = judge();
        let id = judge.take(0, write("milk, eggs", &[0]));
        assert_eq!(read(&mut judge, 0, &["milk, eggs"], Cause::Wrote(id)), []);
        let id = judge.take(1, write("beer", &[]));
        assert_eq!(read(&mut judge, 1, &["beer", "milk"], Cause::Wrote(id)), []);
        let (first, second) = (judge.known(0), judge.known(1));
        judge.hear(1, 0, first);
        judge.hear(0, 1, second);
        judge
    };
    let at_1 = |values: &[&str]| read(&mut prepared(), 1, values, Cause::Heard);
    assert_eq!(at_1(&["beer", "milk, eggs"]), []);
    assert_eq!(at_1(&["milk, eggs"]), [Rule::MessageDrops]);
    assert_eq!(
        at_1(&["beer", "milk", "milk, eggs"]),
        [Rule::MessageReplaces]
    );
    assert_eq!(at_1(&["beer"]), [Rule::MessageBrings]);
    let at_0 = read(
        &mut prepared(),
        0,
        &["beer", "milk", "milk, eggs"],
        Cause::Heard,
    );
    assert_eq!(at_0, [Rule::BringsBack]);
}

#[test]
fn a_value_that_is_there_twice_or_from_nowhere_breaks_rule_8() {
    let mut judge = judge();
    assert_eq!(
        read(&mut judge, 0, &["milk", "milk"], Cause::Heard),
        [Rule::Once]
    );
    let mut judge = Judge::new(2);
    assert_eq!(read(&mut judge, 0, &["caviar"], Cause::Heard), [Rule::Once]);
}

#[test]
fn a_write_that_only_another_replica_knows_is_not_expected() {
    let mut judge = judge();
    let id = judge.take(0, write("milk, eggs", &[0]));
    assert_eq!(read(&mut judge, 0, &["milk, eggs"], Cause::Wrote(id)), []);
    assert_eq!(read(&mut judge, 1, &["milk"], Cause::Heard), []);
    let early = read(&mut judge, 1, &["milk", "milk, eggs"], Cause::Heard);
    assert_eq!(early, [Rule::Once], "nobody has told r1");
}

#[test]
fn long_contexts_and_messages_break_rules_9_and_10() {
    let rules = |check: &dyn Fn(&mut Judge)| {
        let mut judge = judge();
        check(&mut judge);
        judge.breaches.keys().copied().collect::<Vec<Rule>>()
    };
    let values = ["milk".to_owned()];
    let context = |numbers| Context(vec![1; numbers]);
    let read = |judge: &mut Judge, numbers| {
        judge.read(0, "cart", &values, &context(numbers), Cause::Heard);
    };
    assert_eq!(rules(&|judge| read(judge, 4)), []);
    assert_eq!(rules(&|judge| read(judge, 5)), [Rule::SmallContext]);
    let message = |numbers: usize, texts: &[&str]| {
        let numbers = (0..numbers).map(|_| Field::Number(1));
        let texts = texts.iter().map(|text| Field::Text((*text).to_owned()));
        Message(numbers.chain(texts).collect())
    };
    let send = |numbers, texts: &[&str]| rules(&|judge| judge.send(0, &message(numbers, texts)));
    assert_eq!(send(12, &["cart", "milk"]), []);
    assert_eq!(send(13, &["cart", "milk"]), [Rule::SmallMessage]);
    assert_eq!(send(0, &["cart", "1,2,3"]), [Rule::SmallMessage]);
    assert_eq!(send(0, &["cart", "milk", "milk"]), [Rule::SmallMessage]);
}

#[test]
fn a_seed_means_the_same_run_and_runs_are_worth_judging() {
    assert_eq!(chaos(11).digest, chaos(11).digest);
    let shown: usize = (0..10).map(|seed| chaos(seed).shown).sum();
    assert!(
        shown > 500,
        "only {shown} right reads of what others had taken"
    );
}
