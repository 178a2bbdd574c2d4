//! Long histories: how many steps they take, which is the same on every machine.

use std::cell::RefCell;
use std::collections::BTreeMap;

use history::models::{
    Action, Compare, Kv, Range, Register, RegisterInput, RegisterOutput, Relation, State, Store,
    Target, Txn, TxnOutput,
};
use history::{History, Model, Operation, Verdict, check};

use crate::brute_force::assert_explains;
use crate::random::{Plan, Rng, linearizable};

const STEPS_MAX: u64 = 2_000_000;

fn plan(lost_per_mille: u64) -> Plan {
    Plan {
        clients: 16,
        operations: 10_000,
        lost_per_mille,
    }
}

fn ask_register(rng: &mut Rng, values: u64) -> RegisterInput {
    let value = |rng: &mut Rng| format!("{}", rng.below(values));
    match rng.below(10) {
        0..5 => RegisterInput::Read,
        5..9 => RegisterInput::write(value(rng)),
        _ => RegisterInput::cas(value(rng), value(rng)),
    }
}

fn register_does(
    state: &Option<String>,
    input: &RegisterInput,
) -> (RegisterOutput, Option<Option<String>>) {
    match input {
        RegisterInput::Read => (RegisterOutput::Value(state.clone()), None),
        RegisterInput::Write(value) => (RegisterOutput::Written, Some(value.clone())),
        RegisterInput::Cas { from, to } if from == state => {
            (RegisterOutput::Swapped(true), Some(to.clone()))
        }
        RegisterInput::Cas { .. } => (RegisterOutput::Swapped(false), None),
    }
}

pub(crate) fn ask_store(rng: &mut Rng, keys: u64) -> Txn {
    let key = |rng: &mut Rng| format!("k{}", rng.below(keys));
    let value = format!("v{}", rng.below(100));
    let all = Range {
        key: "k".to_owned(),
        end: Some("l".to_owned()),
    };
    match rng.below(10) {
        0..4 => Txn::get(key(rng)),
        4..7 => Txn::put(key(rng), value),
        7 => Txn::delete(key(rng)),
        8 => Txn::from(Action::Get(all)),
        _ => {
            let guarded = key(rng);
            Txn {
                compare: vec![Compare {
                    key: guarded.clone(),
                    relation: Relation::Equal,
                    target: Target::Version(0),
                }],
                then: vec![
                    Action::Put(guarded.clone(), value.clone()),
                    Action::Put(format!("{guarded}-twin"), value),
                ],
                otherwise: vec![Action::Get(Range::key(guarded))],
            }
        }
    }
}

pub(crate) fn store_does(state: &State, txn: &Txn) -> (TxnOutput, Option<State>) {
    state.apply(txn)
}

/// Checks that it is linearizable, with an order that is one.
fn assert_linearizable<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    steps_max: u64,
) {
    match check(model, history, STEPS_MAX) {
        Verdict::Linearizable { orders, steps } => {
            assert!(steps <= steps_max, "{steps} steps, more than {steps_max}");
            let answered = history
                .operations()
                .filter(|operation| operation.returned.is_some());
            assert!(orders.iter().map(Vec::len).sum::<usize>() >= answered.count());
            orders
                .iter()
                .for_each(|order| assert_explains(model, history, order));
        }
        Verdict::Violation(violation) => panic!("{violation}"),
        Verdict::Unknown { steps } => panic!("gave up after {steps} steps"),
    }
}

#[test]
fn a_register_with_16_clients_and_few_values() {
    for seed in 0..5 {
        let rng = &mut Rng::new(seed);
        let history = linearizable(
            &Register,
            &plan(0),
            rng,
            |rng| ask_register(rng, 5),
            register_does,
        );
        assert_linearizable(&Register, &history, 400_000);
    }
}

/// Of every 1,000 operations 20 are never answered.
fn ten_keys(
    rng: &mut Rng,
    mut ask: impl FnMut(&mut Rng) -> RegisterInput,
) -> History<(String, RegisterInput), RegisterOutput> {
    let ask = |rng: &mut Rng| (format!("k{}", rng.below(10)), ask(rng));
    // The model's states are those of one key; a system has one for each.
    let states: RefCell<BTreeMap<String, Option<String>>> = RefCell::default();
    let does = |_: &Option<String>, (key, input): &(String, RegisterInput)| {
        let mut states = states.borrow_mut();
        let state = states.entry(key.clone()).or_default();
        let (output, next) = register_does(state, input);
        *state = next.unwrap_or(state.clone());
        (output, None)
    };
    linearizable(&Unchecked, &plan(20), rng, ask, does)
}

#[test]
fn ten_keys_with_answers_lost() {
    for seed in 0..5 {
        let history = ten_keys(&mut Rng::new(seed), |rng| ask_register(rng, 1000));
        assert_linearizable(&Kv::default(), &history, 400_000);
    }
}

/// [`Kv`], for a generator that keeps the states itself.
struct Unchecked;

impl Model for Unchecked {
    type State = Option<String>;
    type Input = (String, RegisterInput);
    type Output = RegisterOutput;

    fn initial(&self) -> Self::State {
        None
    }

    fn step(
        &self,
        _: &Self::State,
        _: &Self::Input,
        _: Option<&RegisterOutput>,
    ) -> history::Step<Self::State> {
        history::Step::Unchanged
    }

    fn is_read(&self, _: &Self::Input) -> bool {
        false
    }
}

#[test]
fn a_store_with_transactions_and_answers_lost() {
    for seed in 0..5 {
        let rng = &mut Rng::new(seed);
        let history = linearizable(&Store, &plan(5), rng, |rng| ask_store(rng, 20), store_does);
        assert_linearizable(&Store, &history, 400_000);
    }
}

#[test]
fn one_stale_read_among_10_000_operations_is_found_and_little_is_left() {
    let mut next = 0;
    let good = ten_keys(&mut Rng::new(7), |rng| {
        next += 1;
        if rng.below(2) == 0 {
            RegisterInput::Read
        } else {
            RegisterInput::write(format!("{next}"))
        }
    });
    let mut operations: Vec<_> = good.operations().cloned().collect();
    let of_key = |operation: &Operation<(String, RegisterInput), RegisterOutput>| {
        operation.input.0 == "k3" && matches!(operation.output, Some(RegisterOutput::Value(_)))
    };
    let early = operations[4_000..]
        .iter()
        .find(|operation| of_key(operation))
        .cloned()
        .unwrap();
    let late = operations[9_000..]
        .iter_mut()
        .find(|operation| of_key(operation))
        .unwrap();
    late.output = early.output;
    let history = operations.into_iter().collect();
    match check(&Kv::default(), &history, STEPS_MAX) {
        Verdict::Violation(violation) => {
            assert_eq!(violation.part.as_deref(), Some("k3"));
            assert!(violation.operations.len() <= 4, "{violation}");
            assert!(violation.others > 500, "{violation}");
        }
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn one_lost_write_in_a_store_is_found_and_little_is_left() {
    let rng = &mut Rng::new(11);
    let good = linearizable(
        &Store,
        &Plan {
            operations: 3_000,
            ..plan(0)
        },
        rng,
        |rng| ask_store(rng, 20),
        store_does,
    );
    let mut operations: Vec<_> = good.operations().cloned().collect();
    // Somebody sees the next write's revision a little too early.
    let late = operations[2_000..]
        .iter_mut()
        .find(|operation| Store.is_read(&operation.input) && operation.output.is_some())
        .unwrap();
    late.output.as_mut().unwrap().revision += 20;
    let history = operations.into_iter().collect();
    match check(&Store, &history, 5 * STEPS_MAX) {
        Verdict::Violation(violation) => assert!(violation.operations.len() <= 4, "{violation}"),
        verdict => panic!("{verdict:?}"),
    }
}

#[test]
fn who_gives_up_does_not_say_that_all_is_well() {
    let rng = &mut Rng::new(1);
    let history = linearizable(
        &Register,
        &plan(0),
        rng,
        |rng| ask_register(rng, 5),
        register_does,
    );
    let verdict = check(&Register, &history, 1_000);
    assert_eq!(verdict, Verdict::Unknown { steps: 1_000 });
    assert!(!verdict.is_linearizable());
}
