//! Sorts the queue, and looks at its own place in it.

pub fn turn(contenders: &[Contender], mine: &Contender) -> Turn {
    let mut queue: Vec<&Contender> = contenders.iter().collect();
    queue.sort_by_key(|contender| contender.created);
    match queue.iter().position(|contender| *contender == mine) {
        None => Turn::Lost,
        Some(0) => Turn::Held,
        Some(place) => Turn::WaitFor(queue[place - 1].key.clone()),
    }
}
