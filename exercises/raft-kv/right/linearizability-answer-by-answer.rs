//! Goes through the answers by time, with all configurations that are possible so far: when an answer is due, its operation must
//! have taken effect, after whatever of the open ones.

pub fn is_linearizable(history: &[Operation]) -> bool {
    let answered = |place: &usize| history[*place].returned.is_some();
    let mut answers: Vec<usize> = (0..history.len()).filter(answered).collect();
    answers.sort_by_key(|place| history[*place].returned);
    let mut possible = BTreeSet::from([(BTreeSet::new(), INITIAL)]);
    for due in answers {
        let is_open = |place: &usize| Some(history[*place].called) <= history[due].returned;
        let mut reached = BTreeSet::new();
        let mut next: Vec<(BTreeSet<usize>, u64)> = possible.into_iter().collect();
        while let Some((done, value)) = next.pop() {
            if !reached.insert((done.clone(), value)) {
                continue;
            }
            for place in (0..history.len()).filter(|place| is_open(place) && !done.contains(place)) {
                let value = match history[place].action {
                    Action::Write(written) => written,
                    Action::Read(read) if answered(&place) && read == value => value,
                    Action::Read(_) => continue,
                };
                let mut done = done.clone();
                done.insert(place);
                next.push((done, value));
            }
        }
        possible = reached.into_iter().filter(|(done, _)| done.contains(&due)).collect();
    }
    !possible.is_empty()
}
