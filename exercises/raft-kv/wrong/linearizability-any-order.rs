//! Any order of the operations will do, whatever was answered before something else was called: stale reads pass.
//! caught-by: linearizability::one_after_the_other

pub fn is_linearizable(history: &[Operation]) -> bool {
    let mut stack = vec![(vec![false; history.len()], INITIAL)];
    let mut seen: BTreeSet<_> = stack.iter().cloned().collect();
    while let Some((done, value)) = stack.pop() {
        let open = || (0..history.len()).filter(|place| !done[*place]);
        if open().all(|place| history[place].returned.is_none()) {
            return true;
        }
        for place in open() {
            let value = match history[place].action {
                Action::Write(written) => written,
                Action::Read(read) if history[place].returned.is_some() && read == value => value,
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
