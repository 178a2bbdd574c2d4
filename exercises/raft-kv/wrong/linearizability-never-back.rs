//! Takes the first operation that fits, and never goes back: of two writes at once, it knows only one order.
//! caught-by: linearizability::a_first_guess_may_be_wrong

pub fn is_linearizable(history: &[Operation]) -> bool {
    let mut left: Vec<Operation> = history.to_vec();
    let mut value = INITIAL;
    while let Some(first_answer) = left.iter().filter_map(|operation| operation.returned).min() {
        let fits = |operation: &Operation| {
            operation.called <= first_answer
                && match operation.action {
                    Action::Write(_) => true,
                    Action::Read(read) => operation.returned.is_some() && read == value,
                }
        };
        // Reads first, since they do no harm.
        let read = left.iter().position(|operation| fits(operation) && matches!(operation.action, Action::Read(_)));
        let Some(place) = read.or_else(|| left.iter().position(fits)) else {
            return false;
        };
        if let Action::Write(written) = left.remove(place).action {
            value = written;
        }
    }
    true
}
