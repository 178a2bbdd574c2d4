//! What was not answered has not happened: a write that a client gave up on, and that took effect, is called a violation.
//! caught-by: linearizability::an_unanswered_write_takes_effect_late_or_never

pub fn is_linearizable(history: &[Operation]) -> bool {
    let history: Vec<Operation> = history.iter().copied().filter(|operation| operation.returned.is_some()).collect();
    let mut stack = vec![(vec![false; history.len()], INITIAL)];
    let mut seen: BTreeSet<_> = stack.iter().cloned().collect();
    while let Some((done, value)) = stack.pop() {
        let open = || (0..history.len()).filter(|place| !done[*place]);
        let Some(first_answer) = open().filter_map(|place| history[place].returned).min() else {
            return true;
        };
        for place in open().filter(|place| history[*place].called <= first_answer) {
            let value = match history[place].action {
                Action::Write(written) => written,
                Action::Read(read) if read == value => value,
                Action::Read(_) => continue,
            };
            let mut done = done.clone();
            done[place] = true;
            if seen.insert((done.clone(), value)) {
                stack.push((done, value));
            }
        }
    }
    false
}
