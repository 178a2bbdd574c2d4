//! Histories that a person has judged.

use expect_test::{expect, expect_file};
use history::models::{
    Action, Answer, Compare, Entry, Kv, Range, Register, RegisterInput, RegisterOutput, Relation,
    Store, Target, Txn, TxnOutput,
};
use history::{History, Model, Operation, Verdict, check, draw};

const STEPS_MAX: u64 = 100_000;

use RegisterInput::Read;
use RegisterOutput::{Swapped, Written};

fn write(value: &str) -> RegisterInput {
    RegisterInput::write(value)
}

fn cas(from: &str, to: &str) -> RegisterInput {
    RegisterInput::cas(from, to)
}

fn saw(value: &str) -> RegisterOutput {
    RegisterOutput::value(value)
}

/// An operation from one time to another. Without an answer it has no end.
fn at<I, O>(
    client: u64,
    called: u64,
    returned: u64,
    input: I,
    output: impl Into<Option<O>>,
) -> Operation<I, O> {
    let output = output.into();
    Operation {
        client,
        input,
        called,
        returned: output.is_some().then_some(returned),
        output,
    }
}

fn judge<M: Model>(
    model: &M,
    operations: Vec<Operation<M::Input, M::Output>>,
) -> Verdict<M::Input, M::Output> {
    check(model, &operations.into_iter().collect(), STEPS_MAX)
}

#[track_caller]
fn good(operations: Vec<Operation<RegisterInput, RegisterOutput>>) {
    let verdict = judge(&Register, operations);
    assert!(verdict.is_linearizable(), "{verdict:?}");
}

/// Fails unless it is a violation that these clients' operations prove.
#[track_caller]
fn bad(operations: Vec<Operation<RegisterInput, RegisterOutput>>, clients: &[u64]) {
    let verdict = judge(&Register, operations);
    let violation = verdict.violation().expect("a violation");
    let found: Vec<u64> = violation
        .operations
        .iter()
        .map(|operation| operation.client)
        .collect();
    assert_eq!(found, clients, "{violation}");
}

#[test]
fn nothing_is_linearizable() {
    good(vec![]);
}

#[test]
fn a_read_sees_the_last_write() {
    good(vec![
        at(1, 1, 2, write("1"), Written),
        at(2, 3, 4, Read, saw("1")),
    ]);
    bad(
        vec![
            at(1, 1, 2, write("1"), Written),
            at(2, 3, 4, Read, RegisterOutput::Value(None)),
        ],
        &[1, 2],
    );
}

#[test]
fn a_read_beside_a_write_sees_either() {
    let beside = |output| vec![at(1, 1, 4, write("1"), Written), at(2, 2, 3, Read, output)];
    good(beside(RegisterOutput::Value(None)));
    good(beside(saw("1")));
    bad(beside(saw("2")), &[2]);
}

#[test]
fn what_was_seen_is_not_unseen() {
    let twice = |first, second| {
        vec![
            at(1, 1, 9, write("1"), Written),
            at(2, 2, 3, Read, first),
            at(3, 4, 5, Read, second),
        ]
    };
    let nothing = || RegisterOutput::Value(None);
    good(twice(nothing(), nothing()));
    good(twice(nothing(), saw("1")));
    good(twice(saw("1"), saw("1")));
    bad(twice(saw("1"), nothing()), &[2, 3]);
}

#[test]
fn an_answer_and_a_call_at_the_same_time_overlap() {
    good(vec![
        at(1, 1, 2, write("1"), Written),
        at(2, 2, 3, Read, RegisterOutput::Value(None)),
    ]);
}

#[test]
fn an_unanswered_write_takes_effect_late_or_never() {
    let lost = || at(1, 1, 0, write("1"), None);
    good(vec![
        lost(),
        at(2, 5, 6, Read, RegisterOutput::Value(None)),
        at(2, 7, 8, Read, saw("1")),
    ]);
    good(vec![lost(), at(2, 5, 6, Read, RegisterOutput::Value(None))]);
    good(vec![
        lost(),
        at(2, 5, 6, write("2"), Written),
        at(2, 7, 8, Read, saw("1")),
    ]);
    // But not twice …
    bad(
        vec![
            lost(),
            at(2, 5, 6, Read, saw("1")),
            at(2, 7, 8, write("2"), Written),
            at(2, 9, 10, Read, saw("2")),
            at(2, 11, 12, Read, saw("1")),
        ],
        &[2, 2, 2],
    );
    // … and not before it was called.
    bad(
        vec![at(2, 1, 2, Read, saw("1")), at(1, 3, 0, write("1"), None)],
        &[2],
    );
}

#[test]
fn an_unanswered_read_says_nothing() {
    good(vec![
        at(1, 1, 2, write("1"), Written),
        at(2, 3, 0, Read, None),
        at(3, 4, 5, Read, saw("1")),
    ]);
}

#[test]
fn a_refused_write_has_no_effect() {
    let mut history = History::new();
    let refused = history.call(1, write("1"));
    history.refused(refused);
    let read = history.call(2, Read);
    history.returned(read, saw("1"));
    assert!(check(&Register, &history, STEPS_MAX).violation().is_some());
}

#[test]
fn one_of_two_compare_and_swaps_wins() {
    let two = |first, second| {
        vec![
            at(1, 1, 2, write("free"), Written),
            at(2, 3, 6, cas("free", "a"), Swapped(first)),
            at(3, 4, 5, cas("free", "b"), Swapped(second)),
        ]
    };
    good(two(true, false));
    good(two(false, true));
    bad(two(true, true), &[2, 3]);
    bad(two(false, false), &[1, 3]);
}

#[test]
fn keys_are_judged_one_by_one() {
    let put = |client, called, key: &str, value| {
        at(
            client,
            called,
            called + 1,
            (key.to_owned(), write(value)),
            Written,
        )
    };
    let get = |client, called, key: &str, value| {
        at(
            client,
            called,
            called + 1,
            (key.to_owned(), Read),
            saw(value),
        )
    };
    let verdict = judge(
        &Kv::default(),
        vec![
            put(1, 1, "a", "1"),
            put(1, 3, "b", "1"),
            put(1, 5, "b", "2"),
            get(2, 7, "a", "1"),
            get(2, 9, "b", "1"),
        ],
    );
    let violation = verdict.violation().unwrap();
    assert_eq!(violation.part.as_deref(), Some("b"));
    expect![[r#"
        not linearizable, by what happened to b:
          client 1, 3 to 4: b: write 1 → ok
          client 1, 5 to 6: b: write 2 → ok
          client 2, 9 to 10: b: read → 1
        after `b: write 1 → ok`, `b: write 2 → ok`, `b: read → 1` cannot be explained"#]]
    .assert_eq(&violation.to_string());
    expect_file!["stale_read.svg"].assert_eq(&draw::draw(violation, "A stale read"));
}

fn answered(revision: u64, answers: Vec<Answer>) -> TxnOutput {
    TxnOutput {
        succeeded: true,
        revision,
        answers,
    }
}

#[test]
fn a_store_numbers_its_writes() {
    let put = |client, called, value: &str, revision| {
        at(
            client,
            called,
            called + 1,
            Txn::put("a", value),
            answered(revision, vec![Answer::Put]),
        )
    };
    assert!(judge(&Store, vec![put(1, 1, "1", 2), put(2, 3, "2", 3)]).is_linearizable());
    // Two writes of one revision, and one that goes missing.
    assert!(
        judge(&Store, vec![put(1, 1, "1", 2), put(2, 1, "2", 2)])
            .violation()
            .is_some()
    );
    assert!(
        judge(&Store, vec![put(1, 1, "1", 2), put(2, 3, "2", 4)])
            .violation()
            .is_some()
    );
    let lost = at(3, 1, 0, Txn::put("b", "3"), None);
    assert!(judge(&Store, vec![lost, put(1, 1, "1", 2), put(2, 3, "2", 4)]).is_linearizable());
}

#[test]
fn a_transaction_is_seen_whole() {
    let both = Txn {
        compare: vec![Compare {
            key: "a".into(),
            relation: Relation::Equal,
            target: Target::Version(0),
        }],
        then: vec![
            Action::Put("a".into(), "1".into()),
            Action::Put("b".into(), "1".into()),
        ],
        otherwise: vec![],
    };
    let entry = || Entry {
        value: "1".into(),
        created: 2,
        modified: 2,
        version: 1,
    };
    let all = Txn::from(Action::Get(Range {
        key: "a".into(),
        end: Some("c".into()),
    }));
    let seen = |keys: &[&str]| {
        let got = keys
            .iter()
            .map(|key| ((*key).to_owned(), entry()))
            .collect();
        judge(
            &Store,
            vec![
                at(
                    1,
                    1,
                    4,
                    both.clone(),
                    answered(2, vec![Answer::Put, Answer::Put]),
                ),
                at(2, 2, 3, all.clone(), answered(2, vec![Answer::Got(got)])),
            ],
        )
    };
    assert!(seen(&["a", "b"]).is_linearizable());
    let verdict = seen(&["a"]);
    expect![[r#"
        not linearizable:
          client 2, 2 to 3: get a..c → a=1 of 2 @2
        `get a..c → a=1 of 2 @2` cannot be explained by anything before its answer; whichever of 1 other operations took effect"#]].assert_eq(&verdict.violation().unwrap().to_string());
}

#[test]
fn a_history_survives_being_written_and_read() {
    let history: History<_, _> = vec![at(1, 1, 2, write("1"), Written), at(2, 2, 0, Read, None)]
        .into_iter()
        .collect();
    let mut text = Vec::new();
    history.write_json(&mut text).unwrap();
    expect![[r#"
        {"client":1,"input":{"Write":"1"},"called":1,"returned":2,"output":"Written"}
        {"client":2,"input":"Read","called":2}
    "#]]
    .assert_eq(std::str::from_utf8(&text).unwrap());
    assert_eq!(History::read_json(text.as_slice()).unwrap(), history);
    let read = |text: &str| {
        History::<RegisterInput, RegisterOutput>::read_json(text.as_bytes())
            .unwrap_err()
            .to_string()
    };
    expect!["line 2 of the history is no operation: missing field `client` at line 1 column 2"]
        .assert_eq(&read("\n{}"));
    expect!["line 1 of the history: answered at 2, but called only at 3"].assert_eq(&read(
        r#"{"client":1,"called":3,"returned":2,"input":"Read"}"#,
    ));
}
