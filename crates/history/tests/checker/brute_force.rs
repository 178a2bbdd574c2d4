//! A checker that is too simple to be wrong: it tries every order.

use history::{History, Model, Operation, Step};

type OperationOf<M> = Operation<<M as Model>::Input, <M as Model>::Output>;

/// Whether some order of the answered operations, and of as many unanswered ones as one likes, explains the history.
pub(crate) fn is_linearizable<M: Model>(model: &M, operations: &[OperationOf<M>]) -> bool {
    fn goes_on<M: Model>(model: &M, left: &[&OperationOf<M>], state: &M::State) -> bool {
        if left.iter().all(|operation| operation.returned.is_none()) {
            return true;
        }
        let first_answer = left.iter().filter_map(|operation| operation.returned).min();
        (0..left.len()).any(|place| {
            let next = left[place];
            if first_answer.is_some_and(|answer| answer < next.called) {
                return false;
            }
            let mut rest = left.to_vec();
            rest.remove(place);
            match model.step(state, &next.input, next.output.as_ref()) {
                Step::Impossible => false,
                Step::Unchanged => goes_on(model, &rest, state),
                Step::To(state) => goes_on(model, &rest, &state),
            }
        })
    }
    goes_on(
        model,
        &operations.iter().collect::<Vec<_>>(),
        &model.initial(),
    )
}

/// Fails unless `order` is one that explains these operations of one part.
pub(crate) fn assert_explains<M: Model>(
    model: &M,
    history: &History<M::Input, M::Output>,
    order: &[usize],
) {
    let operations: Vec<_> = history.operations().collect();
    let mut state = model.initial();
    let mut latest_call = 0;
    for place in order {
        let operation = operations[*place];
        assert!(
            operation
                .returned
                .is_none_or(|returned| returned >= latest_call),
            "{operation:?} was answered before one that was put before it was called"
        );
        latest_call = latest_call.max(operation.called);
        match model.step(&state, &operation.input, operation.output.as_ref()) {
            Step::Impossible => panic!("{operation:?} cannot be in state {state:?}"),
            Step::Unchanged => {}
            Step::To(next) => state = next,
        }
    }
    let mut places = order.to_vec();
    places.sort_unstable();
    places.dedup();
    assert_eq!(
        places.len(),
        order.len(),
        "nothing stands twice in {order:?}"
    );
}
