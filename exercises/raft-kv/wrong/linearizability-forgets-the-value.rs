//! Remembers which operations have taken effect, and not what the register held then: of several ways to the same set, it goes one.
//! caught-by: linearizability::a_first_guess_may_be_wrong

pub fn is_linearizable(history: &[Operation]) -> bool {
    let mut stack = vec![(vec![false; history.len()], INITIAL)];
    let mut seen = BTreeSet::new();
    while let Some((done, value)) = stack.pop() {
        let open = || (0..history.len()).filter(|place| !done[*place]);
        let Some(first_answer) = open().filter_map(|place| history[place].returned).min() else {
            return true;
        };
        for place in open().filter(|place| history[*place].called <= first_answer) {
            let value = match history[place].action {
                Action::Write(written) => written,
                Action::Read(read) if history[place].returned.is_some() && read == value => value,
                Action::Read(_) => continue,
            };
            let mut done = done.clone();
            done[place] = true;
            if seen.insert(done.clone()) {
                stack.push((done, value));
            }
        }
    }
    false
}
