//! Goes through the answers by time, with all configurations that are possible so far: when an answer is due, its operation must
//! have taken effect, after whatever of the open ones.

pub fn is_linearizable(history: &[Operation]) -> bool {
    let answered = |place: &usize| history[*place].returned.is_some();
    let mut answers: Vec<usize> = (0..history.len()).filter(answered).collect();
    answers.sort_by_key(|place| history[*place].returned);
    let mut possible = vec![(vec![false; history.len()], INITIAL)];
    for due in answers {
        let is_open = |place: &usize| Some(history[*place].called) <= history[due].returned;
        let mut reached: BTreeSet<(Vec<bool>, u64)> = possible.iter().cloned().collect();
        let mut next = std::mem::take(&mut possible);
        while let Some((done, value)) = next.pop() {
            // Later operations need not take effect before they have to.
            if done[due] {
                possible.push((done, value));
                continue;
            }
            for place in (0..history.len()).filter(|place| is_open(place) && !done[*place]) {
                let value = match history[place].action {
                    Action::Write(written) => written,
                    Action::Read(read) if answered(&place) && read == value => value,
                    Action::Read(_) => continue,
                };
                let mut done = done.clone();
                done[place] = true;
                if reached.insert((done.clone(), value)) {
                    next.push((done, value));
                }
            }
        }
    }
    !possible.is_empty()
}
