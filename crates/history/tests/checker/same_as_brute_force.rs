//! Small histories, good and bad: the same verdict as from a checker that tries everything.

use history::models::{Kv, Register, RegisterInput, RegisterOutput, Store};
use history::{History, Model, Operation, Verdict, check};
use proptest::prelude::*;

use crate::brute_force::{assert_explains, is_linearizable};
use crate::long::{ask_store, store_does};
use crate::random::{Plan, Rng, linearizable};

fn value() -> impl Strategy<Value = Option<String>> {
    prop_oneof![
        Just(None),
        Just(Some("1".to_owned())),
        Just(Some("2".to_owned()))
    ]
}

/// What is asked of a register, with an answer that may be wrong.
fn register() -> impl Strategy<Value = (RegisterInput, RegisterOutput)> {
    prop_oneof![
        3 => value().prop_map(|value| (RegisterInput::Read, RegisterOutput::Value(value))),
        3 => value().prop_map(|value| (RegisterInput::Write(value), RegisterOutput::Written)),
        2 => (value(), value(), any::<bool>()).prop_map(|(from, to, swapped)| {
            (RegisterInput::Cas { from, to }, RegisterOutput::Swapped(swapped))
        }),
    ]
}

/// Calls and answers at any times; what is known of the end is the answer, nothing, or only that there was one.
fn operations<I: Clone + std::fmt::Debug, O: Clone + std::fmt::Debug>(
    asked: impl Strategy<Value = (I, O)>,
) -> impl Strategy<Value = Vec<Operation<I, O>>> {
    let operation =
        (asked, 0u64..12, 0u64..6, 0..10).prop_map(|((input, output), called, takes, end)| {
            Operation {
                client: called,
                input,
                called,
                returned: (end > 1).then_some(called + takes),
                output: (end > 2 || end == 1).then_some(output),
            }
        });
    prop::collection::vec(operation, 1..8)
}

/// Fails unless the verdict is what trying everything says, and what it says beside is true.
fn assert_right<M: Model>(model: &M, history: &History<M::Input, M::Output>, is_good: bool) {
    match check(model, history, u64::MAX) {
        Verdict::Linearizable { orders, .. } => {
            assert!(is_good, "no order explains {history:?}");
            orders
                .iter()
                .for_each(|order| assert_explains(model, history, order));
        }
        Verdict::Violation(violation) => {
            assert!(!is_good, "{violation}");
            let proof = violation.operations;
            assert!(!is_linearizable(model, &proof), "{proof:?} proves nothing");
            // Nor is it mended by whatever the others did.
            let of_part = history
                .operations()
                .filter(|operation| model.part(&operation.input) == violation.part);
            let weaker: Vec<_> = of_part
                .map(|operation| Operation {
                    returned: operation.returned.filter(|_| proof.contains(operation)),
                    ..operation.clone()
                })
                .collect();
            assert!(
                !is_linearizable(model, &weaker),
                "{proof:?} proves nothing among {weaker:?}"
            );
        }
        Verdict::Unknown { .. } => panic!("it gives up though it never should"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn of_a_register(operations in operations(register())) {
        let is_good = is_linearizable(&Register, &operations);
        assert_right(&Register, &operations.into_iter().collect(), is_good);
    }

    #[test]
    fn of_several_keys(operations in operations((prop_oneof![Just("a"), Just("b")], register()).prop_map(|(key, (input, output))| ((key.to_owned(), input), output)))) {
        let is_good = ["a", "b"].iter().all(|key| {
            let of_key: Vec<_> = operations.iter().filter(|operation| operation.input.0 == *key).cloned().collect();
            is_linearizable(&Kv::default(), &of_key)
        });
        assert_right(&Kv::default(), &operations.into_iter().collect(), is_good);
    }

    #[test]
    fn of_a_store(seed in any::<u64>(), damage in prop::option::of((0usize..7, 0usize..7))) {
        let plan = Plan { clients: 3, operations: 7, lost_per_mille: 100 };
        let good = linearizable(&Store, &plan, &mut Rng::new(seed), |rng| ask_store(rng, 2), store_does);
        let mut operations: Vec<_> = good.operations().cloned().collect();
        if let Some((from, to)) = damage {
            operations[to].output = operations[from].output.clone();
        }
        let is_good = is_linearizable(&Store, &operations);
        prop_assert!(is_good || damage.is_some());
        assert_right(&Store, &operations.into_iter().collect(), is_good);
    }
}
